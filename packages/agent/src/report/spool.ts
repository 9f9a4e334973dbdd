import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Json, Outcome, OutputFile, RunId, RunLog, RunUsage, TaskError } from '@millrace/shared/for-agents'
import { writeAtomically } from '@millrace/std/fs'
import { z } from 'zod'

export const SpooledFile = OutputFile.extend({ path: z.string() })
export type SpooledFile = z.infer<typeof SpooledFile>

/** One output as it will be reported; `files` of a plain file output has one entry, `list` says otherwise. */
export const SpooledOutput = z.union([
  z.object({ value: Json }),
  z.object({ files: z.array(SpooledFile), list: z.boolean() }),
])
export type SpooledOutput = z.infer<typeof SpooledOutput>

/** The end of a run, with everything needed to report it after a restart. */
export const SpooledRun = z.object({
  v: z.literal(1),
  run: RunId,
  outcome: Outcome,
  outputs: z.record(z.string(), SpooledOutput),
  error: TaskError.nullable(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  startedAt: z.string().nullable(),
  finishedAt: z.string(),
  usage: RunUsage.nullable(),
  log: RunLog.nullable(),
  logFile: z.string().nullable(),
})
export type SpooledRun = z.infer<typeof SpooledRun>

export type Spool = Awaited<ReturnType<typeof openSpool>>

/** Unacknowledged results, one file per run. */
export async function openSpool(folder: string) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fileOf = (run: RunId) => join(folder, `${run}.json`)
  const last = new Map<RunId, Promise<void>>()
  /** Serializes operations per run, regardless of earlier failures. */
  const next = (run: RunId, work: () => Promise<void>): Promise<void> => {
    const done = (last.get(run) ?? Promise.resolve()).catch(() => undefined).then(work)
    last.set(run, done)
    const forget = () => last.get(run) === done && last.delete(run)
    done.then(forget, forget)
    return done
  }
  return {
    put: (result: SpooledRun) =>
      next(result.run, () => writeAtomically(fileOf(result.run), JSON.stringify(result))),
    remove: (run: RunId) => next(run, () => rm(fileOf(run), { force: true })),
    /** The results of an earlier process; ignores incomplete writes and unknown files. */
    list: async (): Promise<SpooledRun[]> => {
      const found: SpooledRun[] = []
      for (const name of (await readdir(folder)).sort()) {
        if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true })
        if (!name.endsWith('.json')) continue
        const result = parsed(await readFile(join(folder, name), 'utf8'))
        if (result) found.push(result)
      }
      return found
    },
  }
}

function parsed(text: string): SpooledRun | null {
  try {
    return SpooledRun.parse(JSON.parse(text))
  } catch {
    // Not written by this version: the API expires the run and retries the task.
    return null
  }
}

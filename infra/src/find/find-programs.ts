import { mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode, takeLock } from '@millrace/std/fs'
import { privateFolder } from '../home/secret-file.ts'
import type { Report } from '../report/report.ts'
import { cacheFolder } from './cache-folder.ts'
import { exists } from './exists.ts'
import { NotFound } from './not-found.ts'
import { onPath, outputOf, whyNotRunnable } from './on-path.ts'
import { executable } from './platform.ts'
import { type ProgramName, type Recipe, recipes } from './programs.ts'
import { type Source, SourceFailed } from './source.ts'

export type Origin = 'path' | 'cache' | 'fetched'
export type Program = { name: ProgramName; file: string; source: Origin }
export type Finding = {
  env: NodeJS.ProcessEnv
  cache?: string
  report?: Report
  /** Ends downloads and compilers. */
  signal?: AbortSignal
}

/** The program from PATH, else from the cache, else fetched or built into the cache. */
export async function findProgram(name: ProgramName, finding: Finding): Promise<Program> {
  return (await locateProgram(name, finding)) ?? obtain(name, finding)
}

/** The program from PATH or the cache; `undefined` when it would have to be fetched. */
export async function locateProgram(name: ProgramName, finding: Finding): Promise<Program | undefined> {
  const recipe: Recipe = recipes[name]
  const file = await onPath(recipe.executable, finding.env)
  const version = file && (await outputOf(file, [versionParameter(recipe)], finding.env))
  if (file && version && recipe.isSuitable(version)) return { name, file, source: 'path' }
  const cached = fileIn(await targetOf(recipe, finding), recipe)
  return (await exists(cached)) ? { name, file: cached, source: 'cache' } : undefined
}

/** Finds several programs in parallel. One error names all that failed, after all have ended. */
export async function findPrograms(names: ProgramName[], finding: Finding): Promise<Program[]> {
  const found = await Promise.allSettled(names.map((name) => findProgram(name, finding)))
  const failures = found.filter((one) => one.status === 'rejected').map(({ reason }) => reason)
  const missing = failures.filter((error) => error instanceof NotFound)
  if (missing.length === failures.length && missing.length > 0) throw NotFound.together(missing)
  if (failures.length > 0) throw failures.find((error) => !(error instanceof NotFound))
  return found.filter((one) => one.status === 'fulfilled').map(({ value }) => value)
}

/** Of two processes that need the same program, one fetches it and the other waits. */
async function obtain(name: ProgramName, finding: Finding): Promise<Program> {
  const recipe: Recipe = recipes[name]
  const target = await targetOf(recipe, finding)
  await privateFolder(dirname(target))
  for (;;) {
    finding.signal?.throwIfAborted()
    const lock = await takeLock(`${target}.lock`)
    if ('heldBy' in lock) {
      const text = `waiting for process ${lock.heldBy.pid}, which is fetching it`
      finding.report?.({ step: recipe.title, state: 'running', text })
      await delay(200)
      continue
    }
    try {
      const file = fileIn(target, recipe)
      if (await exists(file)) return { name, file, source: 'cache' }
      await fromFirstSource(recipe, target, finding)
      return { name, file, source: 'fetched' }
    } finally {
      await lock.release()
    }
  }
}

async function fromFirstSource(recipe: Recipe, target: string, finding: Finding): Promise<void> {
  const began = Date.now()
  const reasons: string[] = []
  for (const source of recipe.sources) {
    try {
      await fetchInto(target, source, recipe, finding)
      const seconds = ((Date.now() - began) / 1000).toFixed(1)
      finding.report?.({ step: recipe.title, state: 'done', text: `${source.done} in ${seconds} s` })
      return
    } catch (error) {
      finding.signal?.throwIfAborted()
      if (!(error instanceof SourceFailed)) throw error
      reasons.push(error.message)
    }
  }
  finding.report?.({ step: recipe.title, state: 'failed', text: 'not available' })
  throw new NotFound([{ title: recipe.title, wanted: recipe.wanted, reasons }])
}

/** Creates the target folder in one step, after its program ran, or not at all. */
async function fetchInto(target: string, source: Source, recipe: Recipe, finding: Finding): Promise<void> {
  const scratch = await mkdtemp(`${target}.fetching-`)
  try {
    await privateFolder(join(scratch, 'downloads'))
    const kept = join(scratch, 'kept')
    await source.fetch(kept, {
      env: finding.env,
      scratch,
      signal: finding.signal ?? new AbortController().signal,
      progress: ({ doing, amount }) =>
        finding.report?.({ step: recipe.title, state: 'running', text: doing, amount }),
    })
    const why = await whyNotRunnable(fileIn(kept, recipe), versionParameter(recipe), finding.env)
    if (why) throw new SourceFailed(`the program from ${source.label} does not run here: ${why}`)
    await rm(target, { recursive: true, force: true })
    await rename(kept, target)
  } catch (error) {
    if (isFull(error)) throw new SourceFailed('the disk is full')
    throw error
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 })
  }
}

const targetOf = async (recipe: Recipe, { cache, env }: Finding) =>
  join(cache ?? cacheFolder(env), await recipe.cacheKey())
const fileIn = (folder: string, recipe: Recipe) => join(folder, executable(recipe.executable))

const versionParameter = (recipe: Recipe) => recipe.versionParameter ?? '--version'

const isFull = (error: unknown) => hasCode(error, 'ENOSPC')

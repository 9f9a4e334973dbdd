import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { Client } from '@millrace/client'
import { Json } from '@millrace/shared'
import { z } from 'zod'
import { type Installation, installation } from '../support/installation.ts'

const modulesFolder = resolve(import.meta.dirname, '../../modules')

/** What a module prints last. */
export const Result = z.object({
  status: z.enum(['success', 'error']),
  outputs: z.record(z.string(), Json).default({}),
  error: z.object({ type: z.string(), message: z.string(), retry_possible: z.boolean() }).optional(),
})
export type Ran = z.infer<typeof Result> & { code: number | null; percents: number[] }

export type Workshop = {
  client: Client
  /** The API and the agent that it is all done with. */
  here: Installation
  /** For files that the test makes. */
  folder: string
  run(module: string, inputs: Record<string, Json>): Promise<Ran>
  start(module: string, args: string[]): ChildProcessWithoutNullStreams
  /** Writes the input file of a run. */
  inputFile(inputs: Record<string, Json>): Promise<string>
  /** What a script prints as JSON, in a module's environment. */
  python(module: string, script: string, ...args: string[]): Promise<unknown>
  close(): Promise<void>
}

/**
 * Modules that a real agent has installed and tested, in which a test may also look at each run by itself:
 * with the module's own interpreter, and as much of an environment as the agent gives. Nothing can be fetched.
 */
export async function workshop(modules: readonly string[]): Promise<Workshop> {
  const here = await installation(modules)
  try {
    await here.agent.available(here.client)
  } catch (error) {
    await here.close()
    throw error
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-workshop-'))
  const interpreters = new Map<string, string>()
  for (const module of modules) {
    const { agents } = await here.client.module(module)
    interpreters.set(module, agents[0]?.pythonExec ?? '')
  }
  const interpreter = (module: string): string => interpreters.get(module) ?? ''
  const env = (module: string) => ({
    PATH: [dirname(interpreter(module)), '/usr/bin', '/bin'].join(delimiter),
    ...{ PYTHONUTF8: '1', PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
    ...{ CUDA_VISIBLE_DEVICES: '-1', OMP_NUM_THREADS: '2' },
    ...{ HTTP_PROXY: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' },
    ...{ TMPDIR: folder, HOME: folder, MILLRACE_CACHE_DIR: folder },
  })

  const start = (module: string, args: string[]) =>
    spawn(interpreter(module), [join(modulesFolder, module, 'main.py'), ...args], {
      cwd: folder,
      env: env(module),
    })

  async function inputFile(inputs: Record<string, Json>): Promise<string> {
    const runFolder = await mkdtemp(join(folder, 'run-'))
    const output_dir = join(runFolder, 'output')
    await mkdir(output_dir)
    const file = join(runFolder, 'input.json')
    await writeFile(file, JSON.stringify({ task_id: 'tsk', inputs, output_dir }))
    return file
  }

  return {
    client: here.client,
    here,
    folder,
    start,
    inputFile,
    async run(module, inputs) {
      const child = start(module, ['--mode', 'run', '--input_file', await inputFile(inputs)])
      child.stderr.resume()
      const ended = new Promise<number | null>((done) => child.once('close', done))
      const lines = (await text(child.stdout)).trim().split('\n')
      return {
        ...Result.parse(JSON.parse(lines.at(-1) ?? '')),
        code: await ended,
        percents: lines.flatMap(percentOf),
      }
    },
    async python(module, script, ...args) {
      const { stdout } = await promisify(execFile)(interpreter(module), ['-c', script, ...args])
      return JSON.parse(stdout)
    },
    async close() {
      await here.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const Progress = z.object({ event: z.literal('progress'), percent: z.number() })

function percentOf(line: string): number[] {
  if (!line.startsWith('{"event"')) return []
  return [Progress.parse(JSON.parse(line)).percent]
}

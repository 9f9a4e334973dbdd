import { stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { z } from 'zod'
import { pythonSatisfies } from '../manifest/python-range.ts'
import { commandOutput } from './command-output.ts'
import { installEnv } from './install-env.ts'

/** A Python of this machine; `stamp` changes when another Python replaces it. */
export const Interpreter = z.object({ path: z.string(), version: z.string(), stamp: z.string() })
export type Interpreter = z.infer<typeof Interpreter>

export type FindInterpreter = (wanted: string) => Promise<Interpreter | { fault: string }>

/** The first suitable name on PATH is used, so the owner's `python3` comes first. */
const names =
  process.platform === 'win32'
    ? ['python.exe', 'python3.exe', 'py.exe']
    : ['python3', 'python', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3.14']

/** Finds Pythons by running each at most once. `MILLRACE_PYTHON` names one to prefer; it must then be a Python. */
export function interpreterFinder(own: NodeJS.ProcessEnv): FindInterpreter {
  const known = new Map<string, Promise<Interpreter | null>>()
  const ask = (command: string) => {
    const answer = known.get(command) ?? askPython(command, own)
    known.set(command, answer)
    return answer
  }
  return async (wanted) => {
    const preferred = own.MILLRACE_PYTHON
    if (preferred && !(await ask(preferred)))
      return { fault: `MILLRACE_PYTHON=${preferred} is not a working Python: correct or unset it` }
    const seen = new Map<string, string>()
    for (const command of commands(own)) {
      const found = await ask(command)
      if (!found) continue
      if (pythonSatisfies(found.version, wanted)) return found
      seen.set(found.path, found.version)
    }
    const list = [...seen].map(([path, version]) => `${version} (${path})`).join(', ')
    return {
      fault:
        list === ''
          ? `No Python was found on PATH: install Python ${wanted}`
          : `Python ${wanted} is required, but PATH has only ${list}: install it, or name it in MILLRACE_PYTHON`,
    }
  }
}

/** Identifies the file behind an interpreter; `null` when it has gone. */
export async function interpreterStamp(path: string): Promise<string | null> {
  try {
    const { size, mtimeMs, ino } = await stat(path)
    return `${size}-${mtimeMs}-${ino}`
  } catch {
    return null
  }
}

function commands(own: NodeJS.ProcessEnv): string[] {
  const folders = (own.PATH ?? own.Path ?? '').split(delimiter).filter((folder) => folder !== '')
  const preferred = own.MILLRACE_PYTHON ? [own.MILLRACE_PYTHON] : []
  return [...preferred, ...names.flatMap((name) => folders.map((folder) => join(folder, name)))]
}

// A shim such as pyenv's costs 60 ms at every start, and an activated environment is not the module's:
// modules run with the real interpreter behind them.
const question =
  'import json, os, sys; exe = getattr(sys, "_base_executable", None) or sys.executable; ' +
  'print(json.dumps([os.path.realpath(exe), "%d.%d.%d" % sys.version_info[:3]]))'
const Answer = z.tuple([z.string(), z.string()])

async function askPython(command: string, own: NodeJS.ProcessEnv): Promise<Interpreter | null> {
  if ((await interpreterStamp(command)) === null) return null
  // A shim of a version that is not set up, or the Windows stub that opens the store: not a Python.
  const options = { env: installEnv(own), timeoutMs: 10_000, input: question }
  const answer = await commandOutput(command, ['-'], options)
  const parsed = Answer.safeParse(answer === null ? null : tryJson(answer))
  if (!parsed.success) return null
  const [path, version] = parsed.data
  const stamp = await interpreterStamp(path)
  return stamp === null ? null : { path, version, stamp }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { type Json, Manifest, moduleNameOf } from '@millrace/shared/for-agents'
import type { Configured } from './read-workers.ts'

/** One task type of a worker: a module of the registry. */
export type Definition = {
  name: string
  version: string
  digest: string
  manifest: Manifest
  /** As the registry gets it: from the file as it is written, so that no variable's content is in it. */
  raw: Json
  /** The paths as they are written, and as they are. */
  written: { projectPath: string; python: string }
  projectPath: string
  python: string
  /** What runs, and with what. */
  call: { type: string; module: string; function: string; env: Record<string, string> }
  /** How many runs of this worker, of all its types, there may be at once. */
  limit: { worker: string; runs: number } | null
}

/** What a worker's entry makes of each of its task types. Paths are relative to the folder of the file. */
export function definitionsOf({ worker, written }: Configured, folder: string): Definition[] {
  return worker.task_types.map((type) => {
    const raw = manifestOf({ worker, written }, type)
    return {
      name: raw.name,
      version: raw.version,
      digest: digestOf(raw, written.env),
      manifest: Manifest.parse(raw),
      raw,
      written: { projectPath: written.project_path, python: written.venv_python },
      projectPath: resolve(folder, worker.project_path),
      python: resolve(folder, worker.venv_python),
      call: { type, module: worker.module, function: worker.function, env: worker.env },
      limit: worker.max_concurrent ? { worker: worker.name, runs: worker.max_concurrent } : null,
    }
  })
}

function manifestOf({ worker, written }: Configured, type: string) {
  const { name, project_path, venv_python, module, function: called } = written
  return {
    name: moduleNameOf(type),
    original_name: type,
    version: worker.metadata.version,
    description: written.metadata.description,
    inputs: [{ key: 'params', type: 'json', required: false, default: {} }],
    outputs: [{ key: 'result', type: 'json' }],
    timeout_seconds: worker.timeout,
    ...(worker.max_retries === undefined ? {} : { max_attempts: worker.max_retries + 1 }),
    // Of the variables that it is given only the names: the owner may have written a secret right into the file.
    worker: {
      name,
      project_path,
      venv_python,
      module,
      function: called,
      env: Object.keys(written.env).sort(),
    },
  }
}

/** Two machines with the same entry agree on it, wherever their folders lie. */
function digestOf(raw: Json, env: Record<string, string>): string {
  const given = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([raw, given]))
    .digest('hex')
}

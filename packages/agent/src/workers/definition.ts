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
  /** The manifest for the registry: from the file as written, so that it contains no variable's value. */
  raw: Json
  /** The paths as the file has them; the fields below have them resolved. */
  written: { projectPath: string; python: string }
  projectPath: string
  python: string
  /** The program and its arguments. */
  call: { type: string; module: string; function: string; env: Record<string, string> }
  /** How many runs of this worker, across its types, may run at once. */
  limit: { worker: string; runs: number } | null
}

/** The definitions of a worker's task types. Paths are relative to the file's folder. */
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
    // Only the names of its variables: the owner may have written a secret directly into the file.
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

/** Two machines with the same entry get the same digest, wherever their folders are. */
function digestOf(raw: Json, env: Record<string, string>): string {
  const given = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([raw, given]))
    .digest('hex')
}

import { join } from 'node:path'
import { exists } from '../find/exists.ts'
import { findProgram } from '../find/find-programs.ts'
import { onPath, outputOf } from '../find/on-path.ts'
import { executable } from '../find/platform.ts'
import { findPython } from '../find/python.ts'
import type { Supervision } from './supervision.ts'

/**
 * The uv with which the agent installs packages, where the agent cannot install one: a Python without pip, such as
 * Debian's bare `python3`. `undefined` where the agent finds or fetches its own.
 */
export async function uvForAgent({ settings, report, stopping }: Supervision): Promise<string | undefined> {
  const { env, agentHome } = settings
  if (env.MILLRACE_UV || (await onPath('uv', env))) return
  if (await exists(join(agentHome, 'tools', 'uv', 'bin', executable('uv')))) return
  const python = await findPython(env)
  if (!python || (await outputOf(python, ['-c', 'import pip'], env)) !== undefined) return
  try {
    return (await findProgram('uv', { env, report, signal: stopping })).file
  } catch (error) {
    stopping.throwIfAborted()
    report(`modules cannot be installed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

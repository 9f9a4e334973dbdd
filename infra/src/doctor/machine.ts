import { statfs } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { cacheFolder } from '../find/cache-folder.ts'
import { exists } from '../find/exists.ts'
import { onPath, outputOf } from '../find/on-path.ts'
import { findPython } from '../find/python.ts'
import type { Settings } from '../supervise/settings.ts'
import { type Check, fine, note, problem } from './check.ts'

const gigabyte = 1e9

/** Node, Python, its installers, disk and GPU. */
export function machineChecks({ env, home }: Settings): Check[] {
  return [
    async () => {
      const [major = 0] = process.versions.node.split('.').map(Number)
      if (major >= 24) return fine('Node', process.versions.node)
      return problem('Node', process.versions.node, 'start by npm, which brings Node 24 along: npm ci')
    },
    async () => {
      const python = await findPython(env)
      if (!python)
        return problem(
          'Python',
          env.MILLRACE_PYTHON
            ? `MILLRACE_PYTHON=${env.MILLRACE_PYTHON} is not Python 3.10 or newer`
            : 'none on PATH',
          'install Python 3.10 or newer, or name one in MILLRACE_PYTHON',
        )
      const version = (await outputOf(python, ['--version'], env))?.trim() ?? ''
      const pip = await outputOf(python, ['-m', 'pip', '--version'], env)
      const uv = await onPath('uv', env)
      const installer = pip
        ? `pip ${pip.split(' ')[1]}`
        : uv
          ? 'uv'
          : 'neither pip nor uv: uv is fetched when needed'
      return fine('Python', `${version.replace('Python ', '')}, ${python}, with ${installer}`)
    },
    () => diskOf('disk of data', home, 'MILLRACE_HOME'),
    () => diskOf('disk of programs', cacheFolder(env), 'MILLRACE_CACHE'),
    async () => {
      const smi =
        (await onPath('nvidia-smi', env)) ?? (await onPath('nvidia-smi', { PATH: usualPlaces(env) }))
      const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader']
      const said = smi && (await outputOf(smi, query, env))
      if (said) return fine('GPU', said.trim().replaceAll('\n', '; '))
      return note(
        'GPU',
        smi ? `${smi} does not answer` : 'no nvidia-smi on PATH, nor where drivers put it',
        'modules that use a GPU wait',
      )
    },
  ]
}

/** The agent searches there too. */
const usualPlaces = (env: NodeJS.ProcessEnv): string =>
  (process.platform === 'win32'
    ? [
        join(env.SystemRoot ?? 'C:\\Windows', 'System32'),
        join(env.ProgramFiles ?? 'C:\\Program Files', 'NVIDIA Corporation', 'NVSMI'),
      ]
    : [
        '/usr/lib/wsl/lib',
        '/usr/bin',
        '/usr/local/bin',
        '/usr/local/nvidia/bin',
        '/opt/bin',
        '/run/current-system/sw/bin',
      ]
  ).join(delimiter)

async function diskOf(what: string, folder: string, variable: string) {
  let there = folder
  while (!(await exists(there))) there = dirname(there)
  const { bavail, bsize } = await statfs(there)
  const free = `${((bavail * bsize) / gigabyte).toFixed(1)} GB free for ${folder}`
  if (bavail * bsize > 2 * gigabyte) return fine(what, free)
  return problem(what, free, `free some, or set ${variable} to a folder on another disk`)
}

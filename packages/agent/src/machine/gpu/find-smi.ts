import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/**
 * The possible paths of the driver's tool, the likeliest first: on PATH, which is shorter for services than in terminals,
 * and in the folders of drivers, WSL, containers and Windows. A machine may have several, of which some do not work.
 */
export async function findSmi(
  env: NodeJS.ProcessEnv = process.env,
  usual: readonly string[] = usualFolders(env),
): Promise<string[]> {
  const name = process.platform === 'win32' ? 'nvidia-smi.exe' : 'nvidia-smi'
  const onPath = (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder !== '')
  const files = [...new Set([...onPath, ...usual])].map((folder) => join(folder, name))
  const areThere = await Promise.all(files.map(isProgram))
  return files.filter((_, at) => areThere[at])
}

function usualFolders(env: NodeJS.ProcessEnv): string[] {
  if (process.platform === 'win32')
    return [
      join(env.SystemRoot ?? 'C:\\Windows', 'System32'),
      join(env.ProgramW6432 ?? env.ProgramFiles ?? 'C:\\Program Files', 'NVIDIA Corporation', 'NVSMI'),
    ]
  return [
    ...['/usr/lib/wsl/lib', '/usr/bin', '/usr/local/bin', '/usr/local/nvidia/bin', '/opt/bin'],
    '/run/current-system/sw/bin',
  ]
}

const isProgram = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  )

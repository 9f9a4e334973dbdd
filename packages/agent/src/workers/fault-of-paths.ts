import { access, constants, stat } from 'node:fs/promises'
import type { Definition } from './definition.ts'

/** Why a worker cannot start here, with the paths of the file; `null` when its folder and interpreter exist. */
export async function faultOfPaths({ written, projectPath, python }: Definition): Promise<string | null> {
  if (!(await isFolder(projectPath)))
    return `project_path: the folder ${written.projectPath} does not exist${whence(written.projectPath)}`
  if (await isProgram(python)) return null
  return `venv_python: the program ${written.python} is missing or not executable${whence(written.python)}`
}

const whence = (path: string): string => (path.startsWith('.') ? ' (relative to the folder of the file)' : '')

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

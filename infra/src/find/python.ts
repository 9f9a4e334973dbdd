import { onPath, outputOf } from './on-path.ts'

/** A Python of this machine, 3.10 or newer: `MILLRACE_PYTHON`, else the first suitable one on PATH. */
export async function findPython(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const found = await Promise.all(names.map((name) => onPath(name, env)))
  for (const file of [env.MILLRACE_PYTHON, ...found]) {
    if (file && (await outputOf(file, ['-c', isSuitable], env))?.trim() === 'True') return file
  }
}

const isSuitable = 'import sys; print(sys.version_info >= (3, 10))'

const names =
  process.platform === 'win32'
    ? ['python', 'python3', 'py']
    : ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10']

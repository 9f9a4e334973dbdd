import { execFile } from 'node:child_process'

export type CommandOutputOptions = {
  env: NodeJS.ProcessEnv
  timeoutMs: number
  /** The program's standard input; empty by default. */
  input?: string
}

/** What a program prints, without the last line break; `null` when it does not exist, fails or takes too long. */
export async function commandOutput(
  command: string,
  args: readonly string[],
  { env, timeoutMs, input = '' }: CommandOutputOptions,
): Promise<string | null> {
  const [file, parameters, shell] = isScript.test(command)
    ? [shellLine(command, args), [], true]
    : [command, args, false]
  const options = { env, shell, timeout: timeoutMs, killSignal: 'SIGKILL' as const, windowsHide: true }
  return new Promise((resolve) => {
    const child = execFile(file, parameters, options, (error, stdout) =>
      resolve(error ? null : stdout.replace(/\r?\n$/, '')),
    )
    child.stdin?.on('error', () => undefined) // it ended without reading
    child.stdin?.end(input)
  })
}

/** Windows starts these, such as the shims of pyenv-win, only through its shell. */
const isScript = /\.(?:cmd|bat)$/i

/** Each script passes its arguments to another shell with different quoting rules; plain words need no quoting. */
function shellLine(command: string, args: readonly string[]): string {
  const odd = args.find((arg) => !/^[\w.-]+$/.test(arg))
  if (odd !== undefined) throw new Error(`${odd} is not a plain word: give it to ${command} as input`)
  return [`"${command}"`, ...args].join(' ')
}

import { execFile } from 'node:child_process'

export type CommandOutputOptions = { env: NodeJS.ProcessEnv; timeoutMs: number }

/** What a program prints, without the last line break; `null` when it is not there, fails or takes too long. */
export async function commandOutput(
  command: string,
  args: readonly string[],
  options: CommandOutputOptions,
): Promise<string | null> {
  const said = await (isScript.test(command) ? byShell : directly)(command, args, options)
  return said === null ? null : said.replace(/\r?\n$/, '')
}

/** Windows starts these through its shell only, such as the shims of pyenv-win. */
const isScript = /\.(?:cmd|bat)$/i

function directly(
  command: string,
  args: readonly string[],
  { env, timeoutMs }: CommandOutputOptions,
): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL' as const, windowsHide: true }
    const child = execFile(command, args, options, (error, stdout) => resolve(error ? null : stdout))
    child.stdin?.end()
  })
}

/** By a library that knows how its shell wants things quoted, and that costs 6 MB of memory. */
async function byShell(
  command: string,
  args: readonly string[],
  { env, timeoutMs }: CommandOutputOptions,
): Promise<string | null> {
  const { execa } = await import('execa')
  const options = { env, extendEnv: false, timeout: timeoutMs, reject: false, stdin: 'ignore' } as const
  const answer = await execa(command, args, options)
  return answer.failed ? null : answer.stdout
}

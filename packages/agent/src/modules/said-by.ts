import { execFile } from 'node:child_process'

export type SaidByOptions = { env: NodeJS.ProcessEnv; timeoutMs: number }

/** What a program prints, without the last line break; `null` when it is not there, fails or takes too long. */
export function saidBy(
  command: string,
  args: readonly string[],
  { env, timeoutMs }: SaidByOptions,
): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL' as const, windowsHide: true }
    const child = execFile(command, args, options, (error, stdout) =>
      resolve(error ? null : stdout.replace(/\r?\n$/, '')),
    )
    child.stdin?.end()
  })
}

import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type Program = {
  pid: number
  lines: string[]
  child: ChildProcess
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  hasEnded(): boolean
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL when that is not enough. */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

const patienceMs = 20_000

/**
 * Runs one of our programs with exactly this environment (and PATH and HOME), keeping what it prints; also in
 * files, when `MILLRACE_TEST_LOGS` names a folder for them.
 */
export function startProgram(
  file: string,
  env: Record<string, string>,
  args: string[] = [],
  cwd?: string,
): Program {
  const [command = '', ...parameters] = [...diesWithUs, process.execPath, file, ...args]
  const child = spawn(command, parameters, {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_COMPILE_CACHE: join(tmpdir(), 'millrace-test-compiled'),
      ...packageVariables(),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const { MILLRACE_TEST_LOGS: logs } = process.env
  if (logs)
    for (const stream of [child.stdout, child.stderr])
      stream.pipe(createWriteStream(join(logs, `${child.pid}.log`), { flags: 'a' }))
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) =>
    child.once('exit', (code, signal) => done({ code, signal })),
  )
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  return {
    pid: child.pid ?? 0,
    lines,
    child,
    ended,
    hasEnded,
    kill: (signal) => void child.kill(signal),
    async stop() {
      if (!hasEnded()) child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      const end = await ended
      clearTimeout(timer)
      return end
    },
  }
}

/** A test that is given up in the middle closes nothing: the system ends what its worker started. */
const diesWithUs = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : []

/** Installations inside a test use the same package settings as the tests themselves. */
const packageVariables = (): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      /^(PIP_|UV_|SSL_CERT_|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)/i.test(name),
    ),
  )

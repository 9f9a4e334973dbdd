import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { aptInstall, programOnPath } from './apt-get.ts'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

const caddyfiles = resolve(import.meta.dirname, '../../infra/caddy')

export type Caddy = {
  ports: number[]
  /** Folder of the certificates. */
  data: string
  /** What it has logged. */
  lines: string[]
  stop(): Promise<void>
}

/** Runs Caddy with one of infra's Caddyfiles. `env` receives as many free ports as it has parameters; it is called again when a port was taken. */
export async function startCaddy(
  file: string,
  env: (...ports: number[]) => Record<string, string>,
): Promise<Caddy> {
  const program = await findCaddy()
  for (let attempt = 1; ; attempt += 1) {
    const ports = await Promise.all(Array.from({ length: env.length }, freePort))
    const caddy = await tryToStart(program, file, ports, env(...ports))
    if (caddy) return caddy
    if (attempt === 5) throw new Error(`Caddy found no free port in ${attempt} attempts`)
  }
}

/** Throws the errors that Caddy finds in a Caddyfile. */
export async function validateCaddyfile(file: string, env: Record<string, string>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-caddy-'))
  try {
    await promisify(execFile)(await findCaddy(), ['validate', ...configOf(file)], {
      env: { ...base(home), ...env },
    })
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** `CADDY_PATH`, else the one on PATH, else Debian's. */
async function findCaddy(): Promise<string> {
  const found = process.env.CADDY_PATH ?? (await programOnPath('caddy'))
  if (found) return found
  const cure = 'Install it, e.g. "sudo apt-get install -y caddy", or name one in CADDY_PATH.'
  await aptInstall('caddy', cure)
  const installed = await programOnPath('caddy')
  if (installed) return installed
  throw new Error(`apt-get installed a caddy that is not on PATH. ${cure}`)
}

const configOf = (file: string) => ['--config', join(caddyfiles, file), '--adapter', 'caddyfile']
const base = (home: string) => ({
  PATH: process.env.PATH,
  HOME: home,
  XDG_CONFIG_HOME: join(home, 'config'),
  XDG_DATA_HOME: join(home, 'data'),
})
/** An aborted test closes nothing, so the kernel ends what its worker started. */
const diesWithUs = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : []

/** `null`: a port was taken in the meantime. */
async function tryToStart(
  program: string,
  file: string,
  ports: number[],
  env: Record<string, string>,
): Promise<Caddy | null> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-caddy-'))
  const [command = '', ...parameters] = [...diesWithUs, program, 'run', ...configOf(file)]
  const child = spawn(command, parameters, {
    env: { ...base(home), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  const ended = once(child, 'exit')
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const stop = async () => {
    child.kill('SIGTERM')
    if (!hasEnded()) await ended
    await rm(home, { recursive: true, force: true })
  }
  await until(
    'Caddy to start',
    30,
    () => hasEnded() || lines.some((line) => line.includes('serving initial')),
  )
  if (!hasEnded()) return { ports, data: join(home, 'data', 'caddy'), lines, stop }
  await stop()
  if (lines.some((line) => line.includes('address already in use'))) return null
  throw new Error(`Caddy did not start:\n${lines.join('\n')}`)
}

import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { anotherPort } from './home/port.ts'
import { startWatchdog } from './processes/watchdog.ts'
import { isStepReport, type Report } from './report/report.ts'

export type SpawnedInstallation = {
  url: string
  adminKey: string
  pid: number
  /** Ends everything that was started; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** The supervisor takes at most 20 s to end everything in order. */
const patienceMs = 25_000
const maxErrorLines = 30

/**
 * Runs `npm start`'s program as a separate process: servers, API and an agent. Resolves when the API serves requests;
 * rejects with its last lines when it ends before that, or when the signal aborts, which ends it. It ends with this
 * process, even after SIGKILL.
 */
export async function spawnInstallation(options: {
  home: string
  env: NodeJS.ProcessEnv
  /** Takes a free port instead of the one that the environment names, or the default. */
  freePort?: boolean
  report?: Report
  signal?: AbortSignal
}): Promise<SpawnedInstallation> {
  const port = options.freePort ? { PORT: String(await anotherPort(options.home, 'api', '127.0.0.1')) } : {}
  const child = spawn(process.execPath, [join(import.meta.dirname, 'start.ts')], {
    env: { ...options.env, ...port, MILLRACE_HOME: options.home },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'], // steps come as messages, lines as lines
    detached: process.platform !== 'win32', // Ctrl-C reaches only us, and we end it in order
    windowsHide: true,
  })
  const watchdog = startWatchdog()
  if (child.pid) watchdog.watch(child.pid, 0, patienceMs)
  const ended = new Promise<number | null>((done) => child.once('exit', done))
  void ended.then(() => watchdog.close())
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    return ended
  }
  try {
    const url = await untilReady(child, options)
    const adminKey =
      options.env.MILLRACE_ADMIN_KEY ?? (await readFile(join(options.home, 'admin-key'), 'utf8')).trim()
    return { url, adminKey, pid: child.pid ?? 0, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function untilReady(
  child: ChildProcess,
  { report, signal }: Parameters<typeof spawnInstallation>[0],
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const errors: string[] = []
  let last = 'it printed nothing'
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      last = line
      if (stream === child.stderr) errors.push(line)
      const url = line.match(/^millrace ready (\S+)/)?.[1]
      if (url) resolve(url)
      else report?.(line)
    })
  }
  child.on('message', (message) => isStepReport(message) && report?.(message))
  child.once('error', reject)
  // `close`, not `exit`: its last output has the reason.
  child.once('close', (code, ended) =>
    reject(
      new Error(errors.slice(-maxErrorLines).join('\n') || `the start ended (${code ?? ended}): ${last}`),
    ),
  )
  signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

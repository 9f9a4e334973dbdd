import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { identify } from '@millrace/std/process'
import { claim } from '../processes/claim.ts'
import { end } from '../processes/end.ts'
import type { Life } from '../processes/keep-running.ts'
import type { Watchdog } from '../processes/watchdog.ts'
import { brief } from './brief.ts'
import { openLog } from './log-file.ts'

export type NodeProcess = {
  name: 'api' | 'agent'
  entry: string
  env: Record<string, string>
  home: string
  /** How long it may take to end after SIGTERM. */
  patienceMs: number
  /** Later ones end later when this process dies. */
  order: number
  watchdog: Watchdog
  report: (line: string) => void
}

/** Starts one of our TypeScript programs in a separate process group, its output in `logs/<name>.log`. */
export async function startNodeProcess(options: NodeProcess): Promise<Life> {
  const { name, entry, env, home, watchdog, report } = options
  const held = await claim(home, name, name)
  const log = await openLog(join(home, 'logs', `${name}.log`))
  const child = spawn(process.execPath, [entry], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  try {
    await once(child, 'spawn')
  } catch (error) {
    await log.close()
    await held.release()
    throw error
  }
  const exited = once(child, 'close') // both streams read to their ends
  const pid = child.pid ?? Number.NaN
  watchdog.watch(pid, options.order)
  const identity = identify(pid) ?? { pid, started: 'gone' }
  await held.record(identity)
  lines(child.stdout, (line) => note(line, brief(line)))
  lines(child.stderr, (line) => note(line, brief(line) ?? (line.startsWith('{') ? undefined : line)))

  return {
    ended: exited.then(async () => {
      watchdog.forget(pid)
      await log.close()
      await held.release()
    }),
    async stop(hurry) {
      await end(identity, { patienceMs: options.patienceMs, hurry })
      await exited
    },
  }

  function note(line: string, short: string | undefined) {
    log.line(line)
    if (short) report(`${name}: ${short.slice(0, 400)}`)
  }
}

function lines(stream: Readable, each: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', each)
}

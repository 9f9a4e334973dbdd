import { resolve } from 'node:path'
import { doctor } from '../doctor/doctor.ts'
import { AlreadyRunning } from '../processes/claim.ts'
import type { Report } from '../report/report.ts'
import { reportTo } from '../report/terminal-report.ts'
import { makeComposeEnv } from './compose-env.ts'
import { type Part, run } from './run.ts'
import { readSettings } from './settings.ts'

const exitCodes = { done: 0, failed: 1, usage: 2, alreadyRunning: 3 }
const usage = 'usage: start.ts [servers | api | agent | doctor | compose-env]'

/**
 * The whole process of `npm start` for the checkout at `root`: reads arguments and environment, catches signals
 * and exits. The first signal ends everything in order, the second does not wait for it.
 */
export async function startHere(root: string): Promise<never> {
  const stopping = new AbortController()
  const hurry = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => (stopping.signal.aborted ? hurry : stopping).abort())
  }
  if (process.env.npm_lifecycle_event) onceOrphaned(() => stopping.abort())
  const part = process.argv[2] ?? 'all'
  const report = reporter()
  try {
    if (part === 'compose-env') {
      report(`written: ${await makeComposeEnv(resolve(root, 'infra/compose.env'), process.env)}`)
    } else if (part === 'doctor') {
      const problems = await doctor(readSettings(process.env, root), report)
      return process.exit(problems ? exitCodes.failed : exitCodes.done)
    } else if (isPart(part)) {
      const settings = readSettings(process.env, root)
      await run(part, { settings, report, stopping: stopping.signal, hurry: hurry.signal })
    } else {
      console.error(usage)
      return process.exit(exitCodes.usage)
    }
    return process.exit(exitCodes.done)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return process.exit(error instanceof AlreadyRunning ? exitCodes.alreadyRunning : exitCodes.failed)
  }
}

/** A parent program with an IPC channel draws the steps itself: send them as messages. */
function reporter(): Report {
  if (!process.send) return reportTo(process.stdout)
  return (news) =>
    void (typeof news !== 'string' && process.connected ? process.send?.(news) : console.log(news))
}

function isPart(part: string): part is Part {
  return ['all', 'servers', 'api', 'agent'].includes(part)
}

const lookEveryMs = 200

/**
 * npm sends a signal to the shell of its script, and the shell dies without forwarding it: under npm, the end of that
 * shell is the signal.
 */
function onceOrphaned(orphaned: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    orphaned()
  }, lookEveryMs)
  timer.unref()
}

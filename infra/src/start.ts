import { resolve } from 'node:path'
import { AlreadyRunning } from './processes/claim.ts'
import { makeComposeEnv } from './supervise/compose-env.ts'
import { type Part, run } from './supervise/run.ts'
import { readSettings } from './supervise/settings.ts'

const root = resolve(import.meta.dirname, '../..')
const exitCodes = { done: 0, failed: 1, usage: 2, alreadyRunning: 3 }

const stopping = new AbortController()
const hurry = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => (stopping.signal.aborted ? hurry : stopping).abort())
}
process.exitCode = await main(process.argv[2] ?? 'all')
// Whatever still holds the event loop has been ended or disowned by now.
process.exit()

async function main(part: string): Promise<number> {
  try {
    if (part === 'compose-env') {
      report(`written: ${await makeComposeEnv(resolve(root, 'infra/compose.env'))}`)
      return exitCodes.done
    }
    if (!isPart(part)) {
      console.error('usage: start.ts [servers | api | agent | compose-env]')
      return exitCodes.usage
    }
    await run(part, {
      settings: readSettings(process.env, root),
      report,
      stopping: stopping.signal,
      hurry: hurry.signal,
    })
    return exitCodes.done
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return error instanceof AlreadyRunning ? exitCodes.alreadyRunning : exitCodes.failed
  }
}

function isPart(part: string): part is Part {
  return ['all', 'servers', 'api', 'agent'].includes(part)
}

function report(line: string): void {
  console.log(line)
}

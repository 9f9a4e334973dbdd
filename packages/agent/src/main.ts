import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import type { RunningAgent } from './agent.ts'
import { homeFrom } from './home/home-path.ts'
import { makePrivate } from './home/private-home.ts'

const homeFolder = homeFrom(process.env)
makePrivate(homeFolder)
// First of all imports: stripping and compiling again would be half of the start.
enableCompileCache(join(homeFolder, 'compiled'))
const { startAgent } = await import('./agent.ts')
const { ConfigFaults } = await import('./config/config.ts')
const { readSettings } = await import('./config/settings.ts')
const { HomeInUse } = await import('./home/home-lock.ts')
const { createLogger } = await import('./log/logger.ts')

/** 0 after a stop, 1 after a fault, 2 for invalid settings, 3 when another process is this agent. */
const exitCodes = { stopped: 0, fault: 1, settings: 2, notAlone: 3 }

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  const config = await readSettings(process.env, args)
  const logger = createLogger(config.logLevel)
  let agent: RunningAgent | null = null
  let signals = 0
  const firstWords = `stopping: runs may end for ${config.stopGraceSeconds} s, then they are handed back`
  const onSignal = (name: NodeJS.Signals) => {
    signals += 1
    // The third signal ends immediately: the watchdog kills the remaining processes afterwards.
    if (signals > 2 || !agent) process.exit(signals > 2 ? exitCodes.fault : exitCodes.stopped)
    logger.info({ signal: name }, signals === 1 ? firstWords : 'stopping now: runs are handed back')
    agent.stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  agent = await startAgent(config, logger, args)
  // Written early, not only at the end, so that the next start is fast even after a kill.
  setTimeout(flushCompileCache, 2000).unref()
  const denied = await agent.ended
  if (!denied) return exitCodes.stopped
  logger.fatal({ err: denied }, denied.message)
  return denied.why === 'refused' ? exitCodes.settings : exitCodes.notAlone
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof ConfigFaults || error instanceof HomeInUse ? error.message : error)
    const code = error instanceof ConfigFaults ? exitCodes.settings : exitCodes.fault
    process.exit(error instanceof HomeInUse ? exitCodes.notAlone : code)
  },
)

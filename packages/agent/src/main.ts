import { type RunningAgent, startAgent } from './agent.ts'
import { ConfigFaults, readConfig } from './config.ts'
import { HomeInUse } from './home-lock.ts'
import { createLogger } from './logger.ts'

/** 0 after a stop, 1 after a fault, 2 for settings that cannot work, 3 when another process is this agent. */
const exitCodes = { stopped: 0, fault: 1, settings: 2, notAlone: 3 }

async function main(): Promise<number> {
  const config = readConfig(process.env)
  const logger = createLogger(config.logLevel)
  let agent: RunningAgent | null = null
  let isStopping = false
  const onSignal = (name: NodeJS.Signals) => {
    // The second time at once: the watchdog kills what still runs when this process is gone.
    if (isStopping || !agent) process.exit(isStopping ? exitCodes.fault : exitCodes.stopped)
    isStopping = true
    logger.info({ signal: name }, 'stopping: runs are handed back')
    agent.stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  agent = await startAgent(config, logger)
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

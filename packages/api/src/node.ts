import { serve } from '@hono/node-server'
import { pino } from 'pino'
import { createApp } from './app.ts'
import { checkStore } from './check-store.ts'
import { readConfig } from './config.ts'
import { hashSecret } from './http/authenticate.ts'
import { openPorts } from './open-ports.ts'
import { prepare } from './prepare.ts'
import { runTick } from './tick/run-tick.ts'

/** The entry for Node: reads the environment, serves, runs the tick, and stops gracefully on a signal. */
async function main(): Promise<void> {
  const config = readConfig(process.env)
  const logger = pino({
    level: config.logLevel,
    base: { service: 'api' },
    timestamp: pino.stdTimeFunctions.isoTime,
  })
  const ports = openPorts(config, logger)
  const check = checkStore(ports, config.objects, (message) => {
    process.stderr.write(`${message}\n`)
    process.exit(1)
  })
  await untilThere(() => prepare(ports))
  await check.mayServe
  const { app, metrics } = createApp(ports, {
    corsOrigins: config.corsOrigins,
    adminKeyHash: config.adminKey ? hashSecret(config.adminKey) : null,
  })
  const server = serve({ fetch: app.fetch, port: config.port, hostname: config.host }, (address) => {
    logger.info({ address }, `listening on http://${config.host}:${address.port}`)
  })
  server.on('error', (err) => {
    logger.fatal({ err }, 'cannot listen')
    process.exit(1)
  })
  const ticking = runTick(ports, metrics)

  async function untilThere(attempt: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await attempt()
      } catch (err) {
        logger.warn({ err }, 'preparing the database failed; retrying')
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }

  const stop = async (signal: string) => {
    logger.info({ signal }, 'stopping')
    // Long polls and event streams would keep their connections for minutes.
    const cut = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 3_000)
    await new Promise((resolve) => {
      server.close(resolve)
      if ('closeIdleConnections' in server) server.closeIdleConnections()
    })
    clearTimeout(cut)
    await Promise.all([ticking.stop(), check.stop()])
    await ports.bus.close()
    await ports.store.close()
    ports.objects.close()
    logger.info('stopped')
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stop(signal).catch((err) => {
        logger.fatal({ err }, 'could not stop cleanly')
        process.exit(1)
      })
    })
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
})

import { unwatchFile, watchFile } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { readSettings, settingsFile } from './settings.ts'

/** The settings that take effect while the agent runs; it reads all others once at its start. */
const changeable = [
  'maxRuns',
  'gpuHeadroomBytes',
  'warm',
  'ownerFirst',
  'drainSeconds',
  'stopGraceSeconds',
  'logLevel',
  'moduleVariables',
] as const satisfies (keyof Config)[]

const everyMs = 2000

/**
 * Watches the settings file of a running agent: limits change immediately; a faulty file is logged and changes nothing.
 * Changes the given config in place. Returns the function that ends the watch.
 */
export function followSettings(
  config: Config,
  args: readonly string[],
  logger: Logger,
  onChange: () => void,
): () => void {
  const file = settingsFile(config.own)
  const look = async () => {
    try {
      const fresh = await readSettings(config.own, args)
      const changed = changeable.filter((name) => !isDeepStrictEqual(config[name], fresh[name]))
      const others = (Object.keys(fresh) as (keyof Config)[]).filter(
        (name) => !changeable.some((one) => one === name) && !isDeepStrictEqual(config[name], fresh[name]),
      )
      Object.assign(config, Object.fromEntries(changed.map((name) => [name, fresh[name]])))
      logger.level = config.logLevel
      if (changed.length > 0) logger.info({ changed }, 'settings changed')
      if (others.length > 0) logger.warn({ settings: others }, 'these settings change at the next start')
      if (changed.length > 0) onChange()
    } catch (err) {
      logger.error({ err, file }, 'reading the settings failed; keeping the current ones')
    }
  }
  watchFile(file, { interval: everyMs, persistent: false }, () => void look())
  return () => unwatchFile(file)
}

import { unwatchFile, watchFile } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { readSettings, settingsFile } from './settings.ts'

/** What takes effect while the agent runs; all else is read once, at its start. */
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
 * Follows the settings file of a running agent: limits change at once, a faulty file is logged and changes nothing. The
 * config that was given is changed in place. Returns how to end it.
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
      logger.error({ err, file }, 'the settings stay as they are')
    }
  }
  watchFile(file, { interval: everyMs, persistent: false }, () => void look())
  return () => unwatchFile(file)
}

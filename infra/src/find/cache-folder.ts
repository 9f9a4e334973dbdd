import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The folder of fetched and built servers: `MILLRACE_CACHE`, else this platform's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  if (env.MILLRACE_CACHE) return resolve(env.MILLRACE_CACHE)
  const home = env.HOME || env.USERPROFILE || homedir()
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'millrace')
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'millrace')
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'millrace')
}

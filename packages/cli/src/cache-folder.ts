import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The folder for environments of checks: in `MILLRACE_CACHE`, else in this platform's cache folder. */
export function checksFolder(env: NodeJS.ProcessEnv): string {
  if (env.MILLRACE_CACHE) return resolve(env.MILLRACE_CACHE, 'checks')
  const home = homedir()
  if (process.platform === 'win32')
    return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'millrace', 'checks')
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'millrace', 'checks')
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'millrace', 'checks')
}

import { join, resolve } from 'node:path'
import { cacheFolder } from '../find/cache-folder.ts'
import { packageSettings } from '../find/package-settings.ts'
import { variablesOf } from '../servers/given.ts'
import type { Settings } from './settings.ts'

/** The API gets the whole environment, the settings of its servers, and its admin key. */
export function apiEnvironment(
  settings: Settings,
  servers: Record<string, string>,
  adminKey: string,
): Record<string, string> {
  return defined({
    ...settings.env,
    ...servers,
    PORT: String(settings.port),
    HOST: settings.host,
    MILLRACE_HOME: settings.home,
    MILLRACE_ADMIN_KEY: adminKey,
    // Compiling its sources again would take half of a start.
    NODE_COMPILE_CACHE: settings.env.NODE_COMPILE_CACHE ?? join(settings.home, 'compiled'),
  })
}

/** The agent's variables; a test compares them with the agent's own list. */
export const agentSettings: readonly string[] = [
  'ONLY_MODULES',
  'MILLRACE_QUEUE',
  'MAX_RUNS',
  'RETEST_HOURS',
  'KEEP_ENVIRONMENTS_DAYS',
  'MIN_FREE_DISK_GB',
  'MIN_FREE_DISK_FOR_RUNS_GB',
  'RUN_SILENCE_SECONDS',
  'RUN_RESULT_GRACE_SECONDS',
  'RUN_MEMORY_MB',
  'RUN_DISK_GB',
  'RUN_OUTPUT_GB',
  'WARM_IDLE_SECONDS',
  'WARM_MAX_TASKS',
  'GPU_HEADROOM_MB',
  'PAUSE_HOURS',
  'PAUSE_ABOVE_GPU_GB',
  'DRAIN_SECONDS',
  'STOP_GRACE_SECONDS',
  'AGENT_HOST',
  'AGENT_PORT',
  'AGENT_NAME',
  'LOG_LEVEL',
]

/**
 * Otherwise short-lived memory accumulates in Node, and fragments stay with the C library: 100 MB more when modules print
 * a lot, without any gain in speed.
 */
export const littleMemory = {
  NODE_OPTIONS: '--max-semi-space-size=1 --expose-gc',
  MALLOC_MMAP_THRESHOLD_: '32768',
}

/**
 * The agent gets its address, its key, its own settings, what installing packages needs, and what `WORKERS_ENV` names
 * for its workers file. Nothing else.
 */
export function agentEnvironment(settings: Settings, url: string, key: string): Record<string, string> {
  const { MILLRACE_PYTHON, MILLRACE_UV, MILLRACE_TORCH_BACKEND } = settings.env
  const { WORKERS_FILE, WORKERS_ENV } = settings.env
  const forWorkers = (WORKERS_ENV ?? '').split(/[\s,]+/).filter((name) => name !== '')
  return defined({
    ...Object.fromEntries(forWorkers.map((name) => [name, settings.env[name]])),
    UV_CACHE_DIR: join(cacheFolder(settings.env), 'uv'),
    ...packageSettings(settings.env),
    ...Object.fromEntries(agentSettings.map((name) => [name, settings.env[name]])),
    ...littleMemory,
    MILLRACE_URL: url,
    MILLRACE_AGENT_KEY: key,
    AGENT_HOME: settings.agentHome,
    MODULES_DIR: settings.modulesDir,
    WORKERS_FILE: WORKERS_FILE && resolve(WORKERS_FILE),
    MILLRACE_PYTHON,
    MILLRACE_UV,
    MILLRACE_TORCH_BACKEND,
  })
}

/** Pages of the API upload to the store on another port, so the store must allow their origins. */
export function serverEnvironment(settings: Settings): NodeJS.ProcessEnv {
  const { CORS_ORIGINS, MILLRACE_PUBLIC_URL } = settings.env
  const own = [settings.url, `http://localhost:${settings.port}`]
  const origins = new Set([...(CORS_ORIGINS?.split(',') ?? []), ...own])
  if (MILLRACE_PUBLIC_URL) origins.add(new URL(MILLRACE_PUBLIC_URL).origin)
  return { ...settings.env, CORS_ORIGINS: [...origins].map((origin) => origin.trim()).join(',') }
}

export const serversFile = (home: string): string => join(home, 'servers.env')

export const envLines = (env: Record<string, string>): string =>
  Object.entries(env)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

/** The variables of `file`; an external server of the environment replaces all variables of that server. */
export function mergeServers(file: Record<string, string>, env: NodeJS.ProcessEnv): Record<string, string> {
  const merged = { ...file }
  for (const names of Object.values(variablesOf)) {
    if (!env[names[0]]) continue
    for (const name of names) merged[name] = env[name] ?? ''
  }
  return merged
}

export function parseEnvLines(text: string): Record<string, string> {
  const pairs = text
    .split('\n')
    .map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line))
    .filter((match) => match !== null)
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]))
}

function defined(values: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== '') kept[name] = value
  return kept
}

import { availableParallelism, hostname, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { homeFrom } from '../home/home-path.ts'
import { type PauseHours, parsePauseHours } from '../pause/pause-hours.ts'
import type { RunLimits } from '../process/limits/limits.ts'
import { type GivenVariables, nothingGiven } from '../process/module-variables.ts'
import { transportNames, type transports } from '../transport/transports.ts'

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const megabyte = 1024 ** 2
const gigabyte = 1024 ** 3

const Environment = z.object({
  MILLRACE_URL: z
    .url({ protocol: /^https?$/, error: 'must be the address of the API, such as http://127.0.0.1:8787' })
    .transform((url) => url.replace(/\/+$/, '')),
  MILLRACE_AGENT_KEY: z.string({ error: 'must be a key with the scope "agent"' }).trim().min(1),
  MODULES_DIR: z
    .string()
    .min(1)
    .default(() => join(import.meta.dirname, '../../../../modules')),
  ONLY_MODULES: z
    .string()
    .default('')
    .transform((list) => list.split(/[\s,]+/).filter((name) => name !== '')),
  MILLRACE_QUEUE: z
    .enum(transportNames, { error: `must be one of: ${transportNames.join(', ')}` })
    .default('jetstream'),
  WORKERS_FILE: z.string().min(1).optional(),
  MAX_RUNS: z.coerce
    .number({ error: 'must be a whole number from 1 to 1000' })
    .int()
    .min(1)
    .max(1000)
    .default(() => availableParallelism()),
  RETEST_HOURS: z.coerce.number({ error: 'must be a number of hours' }).min(0).default(0),
  KEEP_ENVIRONMENTS_DAYS: z.coerce.number({ error: 'must be a number of days' }).min(0).default(7),
  MIN_FREE_DISK_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(5),
  GPU_HEADROOM_MB: z.coerce.number({ error: 'must be a number of megabytes' }).min(0).default(512),
  WARM_IDLE_SECONDS: z.coerce.number({ error: 'must be a number of seconds' }).min(0).default(600),
  WARM_MAX_TASKS: z.coerce.number({ error: 'must be a whole number' }).int().min(1).default(1000),
  PAUSE_HOURS: z.string().default('').transform(toPauseHours),
  PAUSE_ABOVE_GPU_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(0),
  DRAIN_SECONDS: z.coerce.number({ error: 'must be a number of seconds' }).min(0).default(600),
  STOP_GRACE_SECONDS: z.coerce.number({ error: 'must be a number of seconds' }).min(0).max(86_400).default(2),
  AGENT_HOST: z.string().min(1).default('127.0.0.1'),
  AGENT_PORT: z.coerce.number({ error: 'must be a port' }).int().min(0).max(65_535).default(0),
  RUN_SILENCE_SECONDS: z.coerce.number({ error: 'must be a number of seconds' }).min(0).default(0),
  RUN_RESULT_GRACE_SECONDS: z.coerce.number({ error: 'must be a number of seconds' }).min(0).default(5),
  RUN_MEMORY_MB: z.coerce
    .number({ error: 'must be a number of megabytes' })
    .min(0)
    .default(() => Math.floor((totalmem() * 0.9) / megabyte)),
  RUN_DISK_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(100),
  RUN_OUTPUT_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(50),
  MIN_FREE_DISK_FOR_RUNS_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(1),
  AGENT_NAME: z
    .string()
    .min(1)
    .max(200)
    .default(() => hostname()),
  LOG_LEVEL: z.enum(levels).default('info'),
})

/** All variables of an agent except that of its folder. */
export const settingNames: readonly string[] = Object.keys(Environment.shape)

export type Config = {
  url: string
  key: string
  /** How work reaches it. */
  queue: keyof typeof transports
  home: string
  modulesDir: string
  /** The modules that this agent installs and offers; empty: all in the folder. */
  onlyModules: readonly string[]
  /** Paths of the workers file; the agent uses the first that exists. */
  workersFiles: string[]
  maxRuns: number
  /** Hours between tests of available modules; 0: only on request. */
  retestHours: number
  /** How long environments of modules outlive their use. */
  keeping: { unusedDays: number; minFreeBytes: number }
  /** GPU memory reserved for the desktop, on each GPU. */
  gpuHeadroomBytes: number
  /** A warm process ends after this time without a task, or after this number of tasks. */
  warm: { idleSeconds: number; maxTasks: number }
  /** The owner's hours, and the GPU memory of other programs above which the agent pauses. */
  ownerFirst: { hours: PauseHours; foreignBytes: number }
  /** How long runs may continue when the agent drains, and when it stops. */
  drainSeconds: number
  stopGraceSeconds: number
  /** The address of the local server. */
  local: { host: string; port: number }
  /** The limits of one run. */
  limits: RunLimits
  /** The agent stops claiming when the disk of `home` has less free space. */
  minFreeBytesForRuns: number
  name: string
  logLevel: (typeof levels)[number]
  /** The values for variables that modules declare. */
  moduleVariables: GivenVariables
  /** Only the set-up of modules reads it, filtered elsewhere. */
  own: NodeJS.ProcessEnv
}

/** All faults of the settings at once. */
export class ConfigFaults extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    super(`the agent cannot start:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/** Reads the settings of the agent; an empty variable counts as not set. `own` is its environment. Throws `ConfigFaults`. */
export function readConfig(
  settings: NodeJS.ProcessEnv,
  own = settings,
  moduleVariables = nothingGiven,
): Config {
  const given = Object.fromEntries(Object.entries(settings).filter(([, text]) => text !== ''))
  const parsed = Environment.safeParse(given)
  if (!parsed.success) throw new ConfigFaults(parsed.error.issues.map(describe))
  const { data } = parsed
  return {
    url: data.MILLRACE_URL,
    key: data.MILLRACE_AGENT_KEY,
    queue: data.MILLRACE_QUEUE,
    home: homeFrom(settings),
    modulesDir: resolve(data.MODULES_DIR),
    onlyModules: data.ONLY_MODULES,
    workersFiles: data.WORKERS_FILE
      ? [resolve(data.WORKERS_FILE)]
      : ['workers.yaml', 'workers.json'].map((name) => resolve(data.MODULES_DIR, '..', name)),
    maxRuns: data.MAX_RUNS,
    retestHours: data.RETEST_HOURS,
    keeping: {
      unusedDays: data.KEEP_ENVIRONMENTS_DAYS,
      minFreeBytes: data.MIN_FREE_DISK_GB * gigabyte,
    },
    minFreeBytesForRuns: data.MIN_FREE_DISK_FOR_RUNS_GB * gigabyte,
    limits: {
      silenceSeconds: data.RUN_SILENCE_SECONDS,
      resultGraceSeconds: data.RUN_RESULT_GRACE_SECONDS,
      memoryBytes: data.RUN_MEMORY_MB * megabyte,
      diskBytes: data.RUN_DISK_GB * gigabyte,
      outputBytes: data.RUN_OUTPUT_GB * gigabyte,
    },
    gpuHeadroomBytes: data.GPU_HEADROOM_MB * 1024 ** 2,
    warm: { idleSeconds: data.WARM_IDLE_SECONDS, maxTasks: data.WARM_MAX_TASKS },
    ownerFirst: {
      hours: data.PAUSE_HOURS,
      foreignBytes: data.PAUSE_ABOVE_GPU_GB * 1024 ** 3,
    },
    drainSeconds: data.DRAIN_SECONDS,
    stopGraceSeconds: data.STOP_GRACE_SECONDS,
    local: { host: data.AGENT_HOST, port: data.AGENT_PORT },
    name: data.AGENT_NAME,
    logLevel: data.LOG_LEVEL,
    moduleVariables,
    own,
  }
}

function toPauseHours(text: string, context: z.RefinementCtx): PauseHours {
  try {
    return parsePauseHours(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
    return z.NEVER
  }
}

const describe = (issue: z.core.$ZodIssue): string => `${issue.path.join('.')}: ${issue.message}`

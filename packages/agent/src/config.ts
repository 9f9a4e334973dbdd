import { availableParallelism, hostname, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { homeFrom } from './home-path.ts'
import type { RunLimits } from './process/limits.ts'

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
    .default(() => join(import.meta.dirname, '../../../modules')),
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
  RUN_SILENCE_SECONDS: z.coerce.number({ error: 'must be a number of seconds' }).min(0).default(0),
  RUN_MEMORY_MB: z.coerce
    .number({ error: 'must be a number of megabytes' })
    .min(0)
    .default(() => Math.floor((totalmem() * 0.9) / megabyte)),
  RUN_DISK_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(100),
  RUN_OUTPUT_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(50),
  AGENT_NAME: z
    .string()
    .min(1)
    .max(200)
    .default(() => hostname()),
  LOG_LEVEL: z.enum(levels).default('info'),
})

export type Config = {
  url: string
  key: string
  home: string
  modulesDir: string
  /** Where the configured workers may stand; the first file that is there counts. */
  workersFiles: string[]
  maxRuns: number
  /** Available modules are tested again so often; 0: only when somebody asks. */
  retestHours: number
  /** How long environments of modules outlive their use. */
  keeping: { unusedDays: number; minFreeBytes: number }
  /** How much one run may take. */
  limits: RunLimits
  name: string
  logLevel: (typeof levels)[number]
  /** What module set-up may see of it is decided elsewhere; nothing else reads it. */
  own: NodeJS.ProcessEnv
}

/** What is wrong with the environment, all of it at once. */
export class ConfigFaults extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    super(`the agent cannot start:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/** Reads the settings of the agent; an empty variable counts as not set. Throws `ConfigFaults`. */
export function readConfig(own: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(own).filter(([, text]) => text !== ''))
  const parsed = Environment.safeParse(given)
  if (!parsed.success) throw new ConfigFaults(parsed.error.issues.map(describe))
  const settings = parsed.data
  return {
    url: settings.MILLRACE_URL,
    key: settings.MILLRACE_AGENT_KEY,
    home: homeFrom(own),
    modulesDir: resolve(settings.MODULES_DIR),
    workersFiles: settings.WORKERS_FILE
      ? [resolve(settings.WORKERS_FILE)]
      : ['workers.yaml', 'workers.json'].map((name) => resolve(settings.MODULES_DIR, '..', name)),
    maxRuns: settings.MAX_RUNS,
    retestHours: settings.RETEST_HOURS,
    keeping: {
      unusedDays: settings.KEEP_ENVIRONMENTS_DAYS,
      minFreeBytes: settings.MIN_FREE_DISK_GB * gigabyte,
    },
    limits: {
      silenceSeconds: settings.RUN_SILENCE_SECONDS,
      memoryBytes: settings.RUN_MEMORY_MB * megabyte,
      diskBytes: settings.RUN_DISK_GB * gigabyte,
      outputBytes: settings.RUN_OUTPUT_GB * gigabyte,
    },
    name: settings.AGENT_NAME,
    logLevel: settings.LOG_LEVEL,
    own,
  }
}

const describe = (issue: z.core.$ZodIssue): string => `${issue.path.join('.')}: ${issue.message}`

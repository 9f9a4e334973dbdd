import { availableParallelism, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { homeFrom } from './home-path.ts'
import { wayNames, type ways } from './queue/ways.ts'

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const Environment = z.object({
  MILLRACE_URL: z
    .url({ protocol: /^https?$/, error: 'must be the address of the API, such as http://127.0.0.1:8787' })
    .transform((url) => url.replace(/\/+$/, '')),
  MILLRACE_AGENT_KEY: z.string({ error: 'must be a key with the scope "agent"' }).trim().min(1),
  MODULES_DIR: z
    .string()
    .min(1)
    .default(() => join(import.meta.dirname, '../../../modules')),
  MILLRACE_QUEUE: z.enum(wayNames, { error: `must be one of: ${wayNames.join(', ')}` }).default('jetstream'),
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
  MIN_FREE_DISK_FOR_RUNS_GB: z.coerce.number({ error: 'must be a number of gigabytes' }).min(0).default(1),
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
  /** How it hears of work. */
  queue: keyof typeof ways
  home: string
  modulesDir: string
  /** Where the configured workers may stand; the first file that is there counts. */
  workersFiles: string[]
  maxRuns: number
  /** Available modules are tested again so often; 0: only when somebody asks. */
  retestHours: number
  /** How long environments of modules outlive their use. */
  keeping: { unusedDays: number; minFreeBytes: number }
  /** With less free space than this on the disk of `home`, no work is taken on. */
  minFreeBytesForRuns: number
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
    queue: settings.MILLRACE_QUEUE,
    home: homeFrom(own),
    modulesDir: resolve(settings.MODULES_DIR),
    workersFiles: settings.WORKERS_FILE
      ? [resolve(settings.WORKERS_FILE)]
      : ['workers.yaml', 'workers.json'].map((name) => resolve(settings.MODULES_DIR, '..', name)),
    maxRuns: settings.MAX_RUNS,
    retestHours: settings.RETEST_HOURS,
    keeping: {
      unusedDays: settings.KEEP_ENVIRONMENTS_DAYS,
      minFreeBytes: settings.MIN_FREE_DISK_GB * 1024 ** 3,
    },
    minFreeBytesForRuns: settings.MIN_FREE_DISK_FOR_RUNS_GB * 1024 ** 3,
    name: settings.AGENT_NAME,
    logLevel: settings.LOG_LEVEL,
    own,
  }
}

const describe = (issue: z.core.$ZodIssue): string => `${issue.path.join('.')}: ${issue.message}`

import { z } from 'zod'
import { failpoints } from './failpoints.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const required = (what: string) => z.string({ error: `is not set: ${what}` }).min(1, `is empty: ${what}`)
const key = (user: string) => required(`the S3 user that may ${user}`)

const Variables = z
  .object({
    PORT: port.default(8787),
    HOST: z.string().default('127.0.0.1'),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    CORS_ORIGINS: z
      .string()
      .default('')
      .transform((list) =>
        list
          .split(',')
          .map((origin) => origin.trim())
          .filter(Boolean),
      ),
    MILLRACE_ADMIN_KEY: z.string().min(16, 'must have at least 16 characters').optional(),
    MONGODB_URL: required('where MongoDB is, e.g. mongodb://127.0.0.1:27017/millrace'),
    NATS_URL: required('where NATS is, e.g. nats://127.0.0.1:4222'),
    NATS_USER: z.string().optional(),
    NATS_PASSWORD: z.string().optional(),
    NATS_AGENT_USER: z.string().optional(),
    NATS_AGENT_PASSWORD: z.string().optional(),
    NATS_PUBLIC_URL: z.string().optional(),
    S3_ENDPOINT: required('where the object store is, e.g. http://127.0.0.1:9000'),
    S3_PUBLIC_ENDPOINT: z.string().optional(),
    S3_BUCKET: required('the bucket for all files'),
    S3_REGION: z.string().default('us-east-1'),
    S3_MANAGE_KEY: key('do everything in the bucket'),
    S3_MANAGE_SECRET: key('do everything in the bucket'),
    S3_UPLOAD_KEY: key('only PUT'),
    S3_UPLOAD_SECRET: key('only PUT'),
    S3_DOWNLOAD_KEY: key('only GET'),
    S3_DOWNLOAD_SECRET: key('only GET'),
    S3_ALLOW_UNSAFE: z.enum(['0', '1', 'true', 'false']).default('0'),
    WEBHOOK_ALLOW_PRIVATE: z.enum(['0', '1', 'true', 'false']).default('0'),
    SESSION_TTL_SECONDS: z.coerce.number().min(1).max(3600).default(20),
    HEARTBEAT_SECONDS: z.coerce.number().min(0.2).max(600).default(5),
    LONGEST_WAIT_SECONDS: z.coerce.number().min(1).max(60).default(50),
    MAX_AGENTS_PER_KEY: z.coerce.number().int().min(1).max(1_000_000).default(1_000),
    MILLRACE_CRASH_AT: z
      .enum(failpoints)
      .optional()
      .describe('for fault tests: the process kills itself there'),
  })
  .transform((env) => ({
    port: env.PORT,
    host: env.HOST,
    logLevel: env.LOG_LEVEL,
    corsOrigins: env.CORS_ORIGINS,
    adminKey: env.MILLRACE_ADMIN_KEY,
    mongoUrl: env.MONGODB_URL,
    nats: { url: env.NATS_URL, user: env.NATS_USER, password: env.NATS_PASSWORD },
    agentNats: {
      servers: (env.NATS_PUBLIC_URL ?? env.NATS_URL).split(','),
      user: env.NATS_AGENT_USER,
      password: env.NATS_AGENT_PASSWORD,
    },
    objects: {
      endpoint: env.S3_ENDPOINT,
      publicEndpoint: env.S3_PUBLIC_ENDPOINT ?? env.S3_ENDPOINT,
      bucket: env.S3_BUCKET,
      region: env.S3_REGION,
      manage: { key: env.S3_MANAGE_KEY, secret: env.S3_MANAGE_SECRET },
      upload: { key: env.S3_UPLOAD_KEY, secret: env.S3_UPLOAD_SECRET },
      download: { key: env.S3_DOWNLOAD_KEY, secret: env.S3_DOWNLOAD_SECRET },
      mayBeUnsafe: env.S3_ALLOW_UNSAFE === '1' || env.S3_ALLOW_UNSAFE === 'true',
    },
    webhooksMayBePrivate: env.WEBHOOK_ALLOW_PRIVATE === '1' || env.WEBHOOK_ALLOW_PRIVATE === 'true',
    limits: {
      sessionTtlSeconds: env.SESSION_TTL_SECONDS,
      heartbeatSeconds: env.HEARTBEAT_SECONDS,
      longestWaitSeconds: env.LONGEST_WAIT_SECONDS,
      agentsPerKey: env.MAX_AGENTS_PER_KEY,
    },
    crashAt: env.MILLRACE_CRASH_AT,
  }))

export type Config = z.output<typeof Variables>

/** Reads the settings once, at the start. Throws one error that names every fault. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = Variables.safeParse(given)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`)
  throw new Error(`The settings of the API are not complete:\n${faults.join('\n')}`)
}

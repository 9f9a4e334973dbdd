import { ModuleName, moduleNameOf, mostAttempts, SemVer } from '@millrace/shared/for-agents'
import { z } from 'zod'

const text = z.string().trim().min(1).max(4096)

const TaskType = z
  .string()
  .max(200)
  .superRefine((type, context) => {
    const name = moduleNameOf(type)
    if (ModuleName.safeParse(name).success) return
    const rule = 'begins with a letter or digit and has at most 63 characters'
    context.addIssue(`would be called ${name}, but a module's name ${rule}`)
  })

const PythonModule = text.regex(
  /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)*$/u,
  'must be a Python module such as src.workers.video_scraper',
)
const Word = z
  .string()
  .regex(/^[^\s-]\S*$/, 'must be one word such as main')
  .default('main')

/** A variable always yields text, even where a number is expected. */
const number = <S extends z.ZodType>(schema: S) =>
  z.preprocess((given) => (typeof given === 'string' && /\d/.test(given) ? Number(given) : given), schema)

const Environment = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name such as REDDIT_TOKEN')
      .refine((name) => !name.startsWith('MILLRACE_'), 'names that begin with MILLRACE_ are not free'),
    z.union([z.string(), z.number(), z.boolean()]).transform(String),
  )
  .default({})

/** One entry of `workers` with its variables filled in. Times in seconds. */
export const Worker = z.object({
  name: text,
  project_path: text,
  venv_python: text,
  module: PythonModule,
  function: Word,
  task_types: z.array(TaskType).min(1),
  timeout: number(
    z
      .number()
      .positive()
      .max(7 * 24 * 3600)
      .default(300),
  ),
  max_retries: number(
    z
      .number()
      .int()
      .min(0)
      .max(mostAttempts - 1)
      .optional(),
  ),
  max_concurrent: number(z.number().int().min(1).optional()),
  env: Environment,
  metadata: z
    .looseObject({ description: z.string().default(''), version: SemVer.default('1.0.0') })
    .prefault({}),
})
export type Worker = z.infer<typeof Worker>

export const WorkersFile = z.object({ workers: z.array(Worker).max(200) })

/** An entry before its variables are filled in: all that other machines get to see. */
export const Written = z.object({
  name: z.string(),
  project_path: z.string(),
  venv_python: z.string(),
  module: z.string(),
  function: Word,
  env: Environment,
  metadata: z.looseObject({ description: z.string().default('') }).prefault({}),
})
export type Written = z.infer<typeof Written>

export const WrittenFile = z.looseObject({ workers: z.array(z.looseObject(Written.shape)) })

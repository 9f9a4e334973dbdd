import { z } from 'zod'
import { Json } from './json.ts'

/** `module.json`: as its author writes it, and the one shape that the rest of the code uses. */

export const ModuleName = z
  .string()
  .max(63, 'at most 63 characters')
  .regex(/^[a-z0-9][a-z0-9_-]*$/, 'lower case letters, digits, - and _')
  .refine(isOwnName, 'a name that every object has already')
export const SemVer = z
  .string()
  .max(100, 'at most 100 characters')
  .regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/, 'a semantic version such as 1.0.0')

const PortKey = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'a name such as "photo" or "min_size"')
  .refine(isOwnName, 'a name that every object has already')

export const PortType = z.preprocess(
  (type) => (type === 'file_path' ? 'file' : type === 'json_data' ? 'json' : type),
  z.enum(['file', 'json', 'text', 'number', 'boolean']),
)
export type PortType = z.infer<typeof PortType>

const Formats = z
  .preprocess(
    (format) => (typeof format === 'string' ? [format] : format),
    z.array(z.string().min(1).max(16)),
  )
  .transform((formats) => formats.map(canonicalFormat))

const PortFields = z.object({
  key: PortKey,
  type: PortType,
  format: Formats.optional(),
  required: z.boolean().default(true),
  default: Json.optional(),
  description: z.string().optional(),
  enum: z.array(Json).min(1).optional(),
  integer: z.boolean().default(false),
  min: z.number().optional(),
  max: z.number().optional(),
  multiple: z.boolean().default(false),
})

/** One declared input or output. */
export type Port = z.infer<typeof PortFields>

const Ports = z.array(PortFields).superRefine((ports, context) => {
  const seen = new Set<string>()
  ports.forEach((port, at) => {
    if (seen.has(port.key))
      context.addIssue({ code: 'custom', message: `"${port.key}" is declared twice`, path: [at, 'key'] })
    seen.add(port.key)
  })
})

const Variable = z.preprocess(
  (variable) => (typeof variable === 'string' ? { name: variable } : variable),
  z.object({
    name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'the name of a variable such as HF_TOKEN'),
    description: z.string().optional(),
    required: z.boolean().default(false),
  }),
)

const Variables = z
  .array(Variable)
  .max(100)
  .superRefine((variables, context) => {
    const seen = new Set<string>()
    variables.forEach(({ name }, at) => {
      // Windows does not distinguish the case of names.
      if (seen.has(name.toUpperCase()))
        context.addIssue({ code: 'custom', message: `"${name}" is named twice`, path: [at] })
      seen.add(name.toUpperCase())
    })
  })

const seconds = z
  .number()
  .positive()
  .max(7 * 24 * 3600)
const megabytes = z.number().nonnegative()

/** The most attempts of one task. */
export const mostAttempts = 20

const ManifestFields = z.object({
  name: ModuleName,
  version: SemVer,
  description: z.string().default(''),
  entry_point: z
    .string()
    .min(1)
    .refine(staysInside, 'must be a file inside the module folder')
    .default('main.py'),
  requirements_file: z
    .string()
    .min(1)
    .refine(staysInside, 'must be a file inside the module folder')
    .default('requirements.txt'),
  python: z.string().default('>=3.10'),
  allow_builds: z.boolean().default(false),
  inputs: Ports.default([]),
  outputs: Ports.default([]),
  timeout_seconds: seconds.optional(),
  timeout: seconds.optional(),
  setup_timeout_seconds: seconds.default(900),
  test_timeout_seconds: seconds.default(120),
  load_timeout_seconds: seconds.default(180),
  resources: z
    .object({
      uses_gpu: z.boolean().optional(),
      min_ram_mb: megabytes.optional(),
      min_vram_mb: megabytes.optional(),
    })
    .default({}),
  uses_gpu: z.boolean().optional(),
  min_ram: megabytes.optional(),
  min_vram: megabytes.optional(),
  modes: z.array(z.enum(['setup', 'run', 'serve', 'test'])).default(['run']),
  env: Variables.default([]),
  original_name: z.string().max(200).optional(),
  max_attempts: z.number().int().min(1).max(mostAttempts).optional(),
})

const MiB = 1024 * 1024

/** Parses a `module.json`, also with the old flat keys (`min_ram`, `uses_gpu`, `timeout`). */
export const Manifest = ManifestFields.transform((raw) => ({
  name: raw.name,
  version: raw.version,
  description: raw.description,
  entryPoint: raw.entry_point,
  requirementsFile: raw.requirements_file,
  python: raw.python,
  allowBuilds: raw.allow_builds,
  inputs: raw.inputs,
  outputs: raw.outputs,
  timeoutSeconds: raw.timeout_seconds ?? raw.timeout ?? 300,
  setupTimeoutSeconds: raw.setup_timeout_seconds,
  testTimeoutSeconds: raw.test_timeout_seconds,
  loadTimeoutSeconds: raw.load_timeout_seconds,
  resources: {
    usesGpu: raw.resources.uses_gpu ?? raw.uses_gpu ?? false,
    minRamBytes: (raw.resources.min_ram_mb ?? raw.min_ram ?? 0) * MiB,
    minVramBytes: (raw.resources.min_vram_mb ?? raw.min_vram ?? 0) * MiB,
  },
  modes: raw.modes,
  /** Variables that the owner of the machine must set. */
  env: raw.env,
  originalName: raw.original_name,
  maxAttempts: raw.max_attempts,
}))
export type Manifest = z.infer<typeof Manifest>

/** Unknown keys of a raw `module.json`: worth a warning, not an error. */
export function unknownManifestKeys(raw: object): string[] {
  return Object.keys(raw).filter((key) => !Object.hasOwn(ManifestFields.shape, key))
}

/** The valid name for a module that its author named otherwise: `PrismQ.Reddit.Scrape` → `prismq-reddit-scrape`. */
export const moduleNameOf = (originalName: string): string =>
  originalName.toLowerCase().replace(/[^a-z0-9_-]/gu, '-')

/** A module as callers may name it: by its name or its original name. */
export const GivenModuleName = z.string().max(200).transform(moduleNameOf).pipe(ModuleName)

/** One name per format: `JPEG`, `.jpg` → `jpg`; `tiff` → `tif`. */
export function canonicalFormat(format: string): string {
  const plain = format.toLowerCase().replace(/^\./, '')
  if (plain === 'jpeg') return 'jpg'
  if (plain === 'tiff') return 'tif'
  return plain
}

/** `constructor` or `__proto__` as a key would find a property that no module declared. */
function isOwnName(name: string): boolean {
  return !(name in {})
}

function staysInside(path: string): boolean {
  const parts = path.split(/[\\/]/)
  return !/^([A-Za-z]:|[\\/])/.test(path) && !parts.includes('..') && !path.includes('\0')
}

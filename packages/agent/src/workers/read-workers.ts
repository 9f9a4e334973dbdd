import { halfPairFault, moduleNameOf } from '@millrace/shared/for-agents'
import type { z } from 'zod'
import { type Path, placeOf, type Remark, readYaml, type Yaml } from './read-yaml.ts'
import { Worker, WorkersFile, type Written, WrittenFile } from './schema.ts'
import { substitute } from './substitute.ts'

/** A worker with its variables filled in, and its entry as the file has it. */
export type Configured = { worker: Worker; written: Written }
export type Reading = { workers: Configured[]; ignored: Remark[] } | { faults: Remark[] }

/** Reads `workers.yaml` or `workers.json`; reports all faults at once, each with its line. */
export function readWorkers(text: string, own: NodeJS.ProcessEnv): Reading {
  const yaml = readYaml(text)
  if ('faults' in yaml) return yaml
  const halfPair = halfPairFault(yaml.value)
  if (halfPair !== null) return { faults: [yaml.remark([], `the file ${halfPair}`)] }
  const { variables, value } = withVariables(yaml.value, own)
  const parsed = WorkersFile.safeParse(value, { error: inWords })
  const faults = [...variables, ...schemaFaults(parsed.error, variables)]
  if (!parsed.success || faults.length > 0)
    return { faults: faults.map(({ path, message }) => yaml.remark(path, message)) }
  const { workers } = parsed.data
  const twice = claimedTwice(workers, yaml)
  if (twice.length > 0) return { faults: twice }
  const written = WrittenFile.parse(yaml.value)
  return {
    workers: workers.flatMap((worker, at) => {
      const entry = written.workers[at]
      return entry ? [{ worker, written: entry }] : []
    }),
    ignored: ignored(written, yaml),
  }
}

type Fault = { path: Path; message: string }

/** Only for `workers`: other sections may name variables that are not set. */
function withVariables(value: unknown, own: NodeJS.ProcessEnv): { value: unknown; variables: Fault[] } {
  if (typeof value !== 'object' || value === null || !('workers' in value)) return { value, variables: [] }
  const done = substitute(value.workers, own, ['workers'])
  return { value: { ...value, workers: done.value }, variables: done.faults }
}

/** Where a variable could not be filled in, the text in its place is not a separate fault. */
function schemaFaults(error: z.ZodError | undefined, variables: readonly Fault[]): Fault[] {
  const known = new Set(variables.map(({ path }) => placeOf(path)))
  return (error?.issues ?? [])
    .map((issue) => ({ path: issue.path.map(keyOf), message: issue.message }))
    .filter(({ path }) => !known.has(placeOf(path)))
}

const keyOf = (key: PropertyKey): string | number => (typeof key === 'number' ? key : String(key))

const inWords = (issue: { input?: unknown; code?: string }): string | undefined => {
  if (issue.input === undefined) return 'is missing'
  return issue.code === 'invalid_union' ? 'must be text, a number, true or false' : undefined
}

function claimedTwice(workers: readonly Worker[], yaml: Yaml): Remark[] {
  const claims = new Map<string, { type: string; worker: string; line: number }>()
  const faults: Remark[] = []
  for (const [at, { name: worker, task_types }] of workers.entries())
    for (const [n, type] of task_types.entries()) {
      const name = moduleNameOf(type)
      const here = yaml.remark(['workers', at, 'task_types', n], `${type} is claimed already`)
      const first = claims.get(name)
      if (!first) claims.set(name, { type, worker, line: here.line })
      else faults.push({ ...here, message: `${here.message}: ${saidFirst(first, type, name)}` })
    }
  return faults
}

const saidFirst = (
  first: { type: string; worker: string; line: number },
  type: string,
  name: string,
): string =>
  `by ${first.worker} in line ${first.line}${first.type === type ? '' : `, whose ${first.type} is called ${name} too`}`

/** Keys that have no effect. */
function ignored(written: z.infer<typeof WrittenFile>, yaml: Yaml): Remark[] {
  const entries = written.workers.flatMap((entry, at) =>
    Object.keys(entry)
      .filter((key) => !Object.hasOwn(Worker.shape, key))
      .map((key): Path => ['workers', at, key]),
  )
  const sections = Object.keys(written).filter((key) => key !== 'workers' && key !== 'version')
  return [...sections.map((key): Path => [key]), ...entries].map((path) =>
    yaml.remark(path, 'has no effect here'),
  )
}

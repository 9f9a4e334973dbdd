import { type BatchTask, type Json, TaskId } from '@millrace/shared'
import type { turns } from '../../concurrency/turns.ts'
import { Failure, type FieldError, mostFaults } from '../../failure.ts'

/** The most refs that a message about a cycle names. */
const namedAtMost = 10

/** The tasks of a batch, each after those that it needs. Throws when a ref is taken twice, unknown, or in a cycle. */
export async function inOrder(
  tasks: readonly BatchTask[],
  turn: ReturnType<typeof turns>,
): Promise<{ task: BatchTask; at: number }[]> {
  const places = new Map<string, number>()
  for (const [at, { ref }] of tasks.entries()) if (!places.has(ref)) places.set(ref, at)
  const faults: FieldError[] = []
  const needs: number[][] = []
  for (const [at, task] of tasks.entries()) {
    const refs = [...refsOf(task)]
    if (places.get(task.ref) !== at)
      faults.push({ path: `/tasks/${at}/ref`, message: `"${task.ref}" is also the ref of another task` })
    for (const ref of refs)
      if (!places.has(ref))
        faults.push({ path: `/tasks/${at}`, message: `names "${ref}", which no task here has as its ref` })
    if (faults.length >= mostFaults) break
    needs.push(refs.flatMap((ref) => places.get(ref) ?? []))
    await turn()
  }
  if (faults.length > 0) throw refusal(faults)
  const order = topological(needs)
  if (order.length < tasks.length) throw cycle(tasks, needs, new Set(order))
  return order.flatMap((at) => {
    const task = tasks[at]
    return task ? [{ task, at }] : []
  })
}

/** The refs that a task names, in its inputs or in `after`. */
function refsOf(task: BatchTask): Set<string> {
  const inputs = Object.values(task.inputs)
    .flatMap((raw) => (Array.isArray(raw) ? raw : [raw]))
    .flatMap((raw) => refIn(raw) ?? [])
  return new Set([...inputs, ...task.after.filter(isRef)])
}

/** `{task, output}` and nothing else is a reference; so are the words of `after`. What is no task id is a ref. */
export const refIn = (raw: Json): string | null =>
  raw !== null &&
  typeof raw === 'object' &&
  !Array.isArray(raw) &&
  Object.keys(raw).sort().join(',') === 'output,task' &&
  typeof raw.task === 'string' &&
  isRef(raw.task)
    ? raw.task
    : null

const isRef = (word: string): boolean => !TaskId.safeParse(word).success

/** Kahn's algorithm (1962): the tasks that it leaves out are in a cycle, or after one. */
function topological(needs: readonly (readonly number[])[]): number[] {
  const missing = needs.map((some) => some.length)
  const needed = needs.map((): number[] => [])
  for (const [at, some] of needs.entries()) for (const upstream of some) needed[upstream]?.push(at)
  const order = missing.flatMap((count, at) => (count === 0 ? [at] : []))
  for (const at of order) {
    for (const dependent of needed[at] ?? []) {
      missing[dependent] = (missing[dependent] ?? 0) - 1
      if (missing[dependent] === 0) order.push(dependent)
    }
  }
  return order
}

/** From any remaining task, following its remaining upstreams leads into a cycle. */
function cycle(
  tasks: readonly BatchTask[],
  needs: readonly (readonly number[])[],
  ordered: ReadonlySet<number>,
): Failure {
  const steps = new Set<number>()
  let at = tasks.findIndex((_, place) => !ordered.has(place))
  while (!steps.has(at)) {
    steps.add(at)
    at = needs[at]?.find((upstream) => !ordered.has(upstream)) ?? at
  }
  const walked = [...steps]
  const round = walked.slice(walked.indexOf(at)).reverse()
  const refs = round.map((place) => tasks[place]?.ref ?? '')
  const shown = refs.length > namedAtMost ? [...refs.slice(0, namedAtMost), `… (${refs.length} tasks)`] : refs
  const first = round.reduce((least, place) => Math.min(least, place))
  return new Failure('cycle', `These tasks wait for each other: ${[...shown, refs[0]].join(' → ')}.`, {
    errors: [{ path: `/tasks/${first}`, message: `waits for itself through ${refs.length} tasks` }],
  })
}

function refusal(errors: FieldError[]): Failure {
  const detail = errors
    .slice(0, namedAtMost)
    .map(({ path, message }) => `${path} ${message}`)
    .join('; ')
  return new Failure('invalid_request', `The batch is not valid: ${detail}.`, { errors })
}

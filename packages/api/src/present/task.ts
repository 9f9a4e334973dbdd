import type { InputRef, Json, Progress, Task } from '@millrace/shared'
import type { AgentDoc } from '../store/documents/agent.ts'
import type { StoredInput, TaskDoc } from '../store/documents/task.ts'

const shownInLists = 4 * 1024

/** A task as clients see it. Lists leave out results and long inline values. */
export function presentTask(task: TaskDoc, options: { list?: boolean; agent?: AgentDoc | null } = {}): Task {
  return {
    id: task._id,
    label: task.label,
    module: task.module,
    version: task.ranVersion ?? task.version,
    status: task.status,
    priority: task.priority,
    inputs: presentInputs(task, options.list ?? false),
    outputs: Object.fromEntries(Object.entries(task.outputs).map(([key, { data }]) => [key, { data }])),
    after: task.after,
    waitingFor: task.waitingFor,
    attempt: task.attempt,
    maxAttempts: task.maxAttempts,
    progress: progressOf(task, options.agent),
    ...(options.list ? {} : { result: resultOf(task) }),
    error: task.error,
    agentId: task.agentId,
    currentRun: task.currentRun,
    history: task.history.map(({ status, attempt, at }) => ({ status, attempt, at: at.toISOString() })),
    grantId: task.grant,
    requestId: task.requestId,
    tags: task.tags,
    cancelRequestedAt: iso(task.cancelRequestedAt),
    notBefore: iso(task.notBefore),
    createdAt: task.createdAt.toISOString(),
    queuedAt: iso(task.queuedAt),
    startedAt: iso(task.startedAt),
    finishedAt: iso(task.finishedAt),
  }
}

export const iso = (date: Date | null): string | null => date?.toISOString() ?? null

function presentInputs(task: TaskDoc, short: boolean): Task['inputs'] {
  const one = (input: StoredInput): InputRef => {
    if ('data' in input) return { data: input.data }
    if (short && Buffer.byteLength(input.json) > shownInLists)
      return { value: null, truncated: true } as InputRef
    return { value: JSON.parse(input.json) }
  }
  return Object.fromEntries(
    Object.entries(task.inputs).map(([key, input]) => [
      key,
      Array.isArray(input) ? input.map(one) : one(input),
    ]),
  )
}

/** Progress comes from the agent's last heartbeat, so that progress causes no writes to the task. */
function progressOf(task: TaskDoc, agent: AgentDoc | null | undefined): Progress | null {
  if (task.status !== 'running') return null
  return agent?.runs.find((run) => run.runId === task.currentRun)?.progress ?? null
}

function resultOf(task: TaskDoc): Task['result'] {
  if (task.status !== 'succeeded') return null
  const entries = Object.entries(task.outputs).flatMap(([key, output]): [string, Json][] => {
    const produced = task.result?.[key]
    if (!produced) return []
    return [[key, 'json' in produced ? JSON.parse(produced.json) : { data: output.data }]]
  })
  return Object.fromEntries(entries)
}

import type { Api, BodyAt, QueryAt } from '../api.ts'
import type {
  BatchTask,
  CreateTask,
  RunAccepted,
  Task,
  TaskFilter,
  TaskId,
  Waiting,
} from '../contract.gen.ts'
import { type Input, wireInputs } from '../inputs.ts'
import type { Page } from '../page.ts'
import { type Change, changes, type Following, type TaskEvent, taskEvents } from '../task-events.ts'

type WithInputs<Body> = Omit<Body, 'inputs'> & { inputs?: Record<string, Input> }
export type TaskToCreate = WithInputs<CreateTask>
/** `ref` is its name within the batch; `after` may name refs, inputs do with `fromRef`. */
export type BatchTaskToCreate = WithInputs<BatchTask>
export type RunToCreate = WithInputs<BodyAt<'POST /api/modules/{name}/run'>>

export const taskCalls = (api: Api) => ({ ...oneTask(api), ...manyTasks(api) })

const oneTask = ({ call, open }: Api) => ({
  createTask: async ({ inputs = {}, ...task }: TaskToCreate, idempotencyKey?: string): Promise<Task> => {
    const body = { ...task, inputs: wireInputs(inputs) }
    return (await call('POST /api/tasks', { body, idempotencyKey })).task
  },
  /** A task by the name of its module; with `queue: false` only if it can start at once. */
  runModule: (
    name: string,
    { inputs = {}, ...run }: RunToCreate,
    idempotencyKey?: string,
  ): Promise<RunAccepted> => {
    const body = { ...run, inputs: wireInputs(inputs) }
    return call('POST /api/modules/{name}/run', { params: { name }, body, idempotencyKey })
  },
  /** With `waitSeconds` (0–60) answers as soon as the task has ended. */
  task: async (id: TaskId, waitSeconds?: number): Promise<Task> =>
    (await call('GET /api/tasks/{id}', { params: { id }, query: { wait: waitSeconds } })).task,
  /** States, progress and lines of all attempts as they come, and the task at its end. */
  events: (id: TaskId, following: Following = {}): AsyncGenerator<TaskEvent> =>
    taskEvents((from) => open('GET /api/tasks/{id}/events', { params: { id }, ...from }), following),
  /** What changes in the installation: tasks, modules, agents. */
  changes: (following: Following = {}): AsyncGenerator<Change> =>
    changes((from) => open('GET /api/events', from), following),
  cancelTask: async (id: TaskId): Promise<Task> =>
    (await call('POST /api/tasks/{id}/cancel', { params: { id } })).task,
  /** A fresh round of attempts for a task that ended without success, and for what was skipped because of it. */
  retryTask: async (id: TaskId, idempotencyKey?: string): Promise<Task> =>
    (await call('POST /api/tasks/{id}/retry', { params: { id }, idempotencyKey })).task,
  /** Every reason that keeps a task from running now. */
  why: async (id: TaskId): Promise<Waiting[]> =>
    (await call('GET /api/tasks/{id}/why', { params: { id } })).waitingFor,
})

const manyTasks = ({ call }: Api) => ({
  listTasks: (query: QueryAt<'GET /api/tasks'> = {}): Promise<Page<Task>> =>
    call('GET /api/tasks', { query }),
  /** Many tasks that may name each other by ref, all or none; by ref. */
  createTasks: async (
    tasks: readonly BatchTaskToCreate[],
    idempotencyKey?: string,
  ): Promise<Record<string, Task>> => {
    const body = {
      tasks: tasks.map(({ inputs = {}, ...task }) => ({ ...task, inputs: wireInputs(inputs) })),
    }
    return (await call('POST /api/tasks/batch', { body, idempotencyKey })).tasks
  },
  /** Every task that matches and has not ended; how many those were. */
  cancelTasks: async (filter: TaskFilter): Promise<number> =>
    (await call('POST /api/tasks/cancel', { body: { filter } })).count,
  listDeadLetters: (query: QueryAt<'GET /api/dead-letters'> = {}): Promise<Page<Task>> =>
    call('GET /api/dead-letters', { query }),
  replayDeadLetters: async (which: BodyAt<'POST /api/dead-letters/replay'>): Promise<number> =>
    (await call('POST /api/dead-letters/replay', { body: which })).count,
})

import {
  type Agent,
  AgentAnswer,
  type AgentId,
  AgentPage,
  type AuditEntry,
  AuditPage,
  BatchAnswer,
  BulkAnswer,
  ContentUrl,
  type CreateGrant,
  type CreateKey,
  type CreateSchedule,
  type CreateWebhook,
  DataAnswer,
  type DataId,
  type DataItem,
  DataPage,
  type Delivery,
  DeliveryAnswer,
  DeliveryPage,
  type EditData,
  type EditSchedule,
  GrantCreated,
  type GrantId,
  KeyCreated,
  LineageAnswer,
  LogLine,
  type Module,
  ModuleAnswer,
  ModulePage,
  type NewBatch,
  type NewTask,
  type Page,
  type PauseAgent,
  Progress,
  plainHttpWarning,
  type ReplayTasks,
  type Run,
  RunAnswer,
  type RunId,
  RunPage,
  reachOf,
  type Schedule,
  ScheduleAnswer,
  type ScheduleId,
  SchedulePage,
  Settings,
  type SettingsPatch,
  SigningSecret,
  Summary,
  type Task,
  TaskAnswer,
  type TaskFilter,
  type TaskId,
  TaskPage,
  UploadAnswer,
  type Waiting,
  type Webhook,
  WebhookCreated,
  type WebhookId,
  WebhookPage,
  WhyAnswer,
} from '@millrace/shared'
import type { z } from 'zod'
import { apiErrorOf } from './api-error.ts'
import { readEvents } from './events.ts'
import { type Input, wireInputs } from './inputs.ts'
import { type Change, changes, type Following, type TaskEvent, taskEvents } from './task-events.ts'
import { type UploadFileOptions, uploadFile } from './upload-file.ts'

export type ClientOptions = { url: string; key: string; fetch?: typeof fetch }
type Query = Record<string, string | number | undefined>
export type TaskToCreate = Omit<NewTask, 'inputs'> & { inputs?: Record<string, Input> }
/** `ref` is its name within the batch; `after` may name refs, inputs do with `fromRef`. */
export type BatchTaskToCreate = Omit<NewBatch['tasks'][number], 'inputs'> & { inputs?: Record<string, Input> }
export type FileToUpload = {
  name: string
  contentType: string
  bytes: Uint8Array<ArrayBuffer>
  label?: string
  /** Lets the store check SHA-256 sums. */
  checksums?: boolean
  tags?: string[]
}

export type Client = ReturnType<typeof connect>

/** A client of one installation. Every method throws `ApiError` with the problem's code when it is refused. */
/** Once for each address: in a private network that may be what is wanted, on the open internet it hardly ever is. */
function warnOfPlainHttp(url: string): void {
  if (warnedOf.has(url) || !URL.canParse(url) || reachOf(url) !== 'open') return
  warnedOf.add(url)
  const warning = plainHttpWarning(url)
  if (warning) console.warn(warning)
}

const warnedOf = new Set<string>()

export function connect(options: ClientOptions) {
  const doFetch = options.fetch ?? fetch
  const base = options.url.replace(/\/$/, '')
  warnOfPlainHttp(base)

  async function send(
    method: string,
    path: string,
    { query = {}, body, idempotencyKey, lastEventId, signal }: Sending = {},
  ): Promise<Response> {
    const url = new URL(base + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const response = await doFetch(url, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${options.key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    if (!response.ok) throw await apiErrorOf(response)
    return response
  }

  async function call<S extends z.ZodType>(
    schema: S,
    method: string,
    path: string,
    sending?: Sending,
  ): Promise<z.output<S>> {
    return schema.parse(await (await send(method, path, sending)).json())
  }

  return {
    /** Any call that has no method of its own here. */
    send,

    /** Keeps a value of at most 1 MiB of JSON. */
    async createValue(value: { label: string; value: unknown; tags?: string[] }): Promise<DataItem> {
      return (await call(UploadAnswer, 'POST', '/api/data', { body: value })).data
    },

    /** Uploads bytes straight to the object store and waits until they are verified. */
    upload: ({ bytes, ...file }: FileToUpload): Promise<DataItem> =>
      uploadFile(new Blob([bytes]), { ...file, url: base, key: options.key, fetch: doFetch }),
    /** The same of any size, from a `File` or `Blob`, with progress and resumption. */
    uploadFile: (file: Blob, more: Omit<UploadFileOptions, 'url' | 'key'> = {}): Promise<DataItem> =>
      uploadFile(file, { fetch: doFetch, ...more, url: base, key: options.key }),
    async data(id: DataId): Promise<DataItem> {
      return (await call(DataAnswer, 'GET', `/api/data/${id}`)).data
    },
    async updateData(id: DataId, changes: EditData): Promise<DataItem> {
      return (await call(DataAnswer, 'PATCH', `/api/data/${id}`, { body: changes })).data
    },
    /** Removes an item and its content; `data_in_use` while an unfinished task needs it. */
    async deleteData(id: DataId): Promise<void> {
      await send('DELETE', `/api/data/${id}`)
    },
    /** The task that produced an item, what that task read, and the tasks that read the item. */
    lineage: (id: DataId): Promise<LineageAnswer> => call(LineageAnswer, 'GET', `/api/data/${id}/lineage`),
    listData: (query: Query = {}): Promise<Page<DataItem>> => call(DataPage, 'GET', '/api/data', { query }),

    /** Where the file of an item can be read for the next hour, without a key. */
    contentUrl: (id: DataId): Promise<{ url: string; expiresAt: string }> =>
      call(ContentUrl, 'GET', `/api/data/${id}/content`, { query: { redirect: '0' } }),
    async download(id: DataId): Promise<Uint8Array> {
      const { url } = await call(ContentUrl, 'GET', `/api/data/${id}/content`, { query: { redirect: '0' } })
      const response = await doFetch(url)
      if (!response.ok) throw new Error(`the object store answered ${response.status}`)
      return new Uint8Array(await response.arrayBuffer())
    },

    async createTask({ inputs = {}, ...task }: TaskToCreate, idempotencyKey?: string): Promise<Task> {
      return (
        await call(TaskAnswer, 'POST', '/api/tasks', {
          body: { ...task, inputs: wireInputs(inputs) },
          idempotencyKey,
        })
      ).task
    },
    /** With `waitSeconds` (0–60) answers as soon as the task has ended. */
    async task(id: TaskId, waitSeconds?: number): Promise<Task> {
      return (await call(TaskAnswer, 'GET', `/api/tasks/${id}`, { query: { wait: waitSeconds } })).task
    },
    /** States, progress and lines of all attempts as they come, and the task at its end. */
    events: (id: TaskId, following: Following = {}): AsyncGenerator<TaskEvent> =>
      taskEvents((path, more) => send('GET', path, more), id, following),
    /** What changes in the installation: tasks, modules, agents. */
    changes: (following: Following = {}): AsyncGenerator<Change> =>
      changes((path, more) => send('GET', path, more), following),
    listTasks: (query: Query = {}): Promise<Page<Task>> => call(TaskPage, 'GET', '/api/tasks', { query }),
    async cancelTask(id: TaskId): Promise<Task> {
      return (await call(TaskAnswer, 'POST', `/api/tasks/${id}/cancel`)).task
    },
    /** Every reason that keeps a task from running now. */
    async why(id: TaskId): Promise<Waiting[]> {
      return (await call(WhyAnswer, 'GET', `/api/tasks/${id}/why`)).waitingFor
    },
    /** Many tasks that may name each other by ref, all or none; by ref. */
    async createTasks(
      tasks: readonly BatchTaskToCreate[],
      idempotencyKey?: string,
    ): Promise<Record<string, Task>> {
      const body = {
        tasks: tasks.map(({ inputs = {}, ...task }) => ({ ...task, inputs: wireInputs(inputs) })),
      }
      return (await call(BatchAnswer, 'POST', '/api/tasks/batch', { body, idempotencyKey })).tasks
    },
    /** Every task that matches and has not ended; how many those were. */
    async cancelTasks(filter: TaskFilter): Promise<number> {
      return (await call(BulkAnswer, 'POST', '/api/tasks/cancel', { body: { filter } })).count
    },
    async createSchedule(
      schedule: z.input<typeof CreateSchedule>,
      idempotencyKey?: string,
    ): Promise<Schedule> {
      return (await call(ScheduleAnswer, 'POST', '/api/schedules', { body: schedule, idempotencyKey }))
        .schedule
    },
    async schedule(id: ScheduleId): Promise<Schedule> {
      return (await call(ScheduleAnswer, 'GET', `/api/schedules/${id}`)).schedule
    },
    async updateSchedule(id: ScheduleId, changes: z.input<typeof EditSchedule>): Promise<Schedule> {
      return (await call(ScheduleAnswer, 'PATCH', `/api/schedules/${id}`, { body: changes })).schedule
    },
    async deleteSchedule(id: ScheduleId): Promise<void> {
      await send('DELETE', `/api/schedules/${id}`)
    },
    listSchedules: (query: Query = {}): Promise<Page<Schedule>> =>
      call(SchedulePage, 'GET', '/api/schedules', { query }),
    listDeadLetters: (query: Query = {}): Promise<Page<Task>> =>
      call(TaskPage, 'GET', '/api/dead-letters', { query }),
    async replayDeadLetters(which: z.input<typeof ReplayTasks>): Promise<number> {
      return (await call(BulkAnswer, 'POST', '/api/dead-letters/replay', { body: which })).count
    },
    /** A fresh round of attempts for a task that ended without success, and for what was skipped because of it. */
    async retryTask(id: TaskId, idempotencyKey?: string): Promise<Task> {
      return (await call(TaskAnswer, 'POST', `/api/tasks/${id}/retry`, { idempotencyKey })).task
    },

    async run(id: RunId): Promise<Run> {
      return (await call(RunAnswer, 'GET', `/api/runs/${id}`)).run
    },
    listRuns: (query: Query = {}): Promise<Page<Run>> => call(RunPage, 'GET', '/api/runs', { query }),
    async runLog(id: RunId, query: Query = {}): Promise<LogLine[]> {
      return parseLines(await (await send('GET', `/api/runs/${id}/logs`, { query })).text())
    },
    /** Lines and progress as they come, until the run has ended. */
    async *follow(
      id: RunId,
      signal?: AbortSignal,
    ): AsyncGenerator<{ line: LogLine } | { progress: Progress }> {
      const { body } = await send('GET', `/api/runs/${id}/logs`, { query: { follow: 1 }, signal })
      if (!body) return
      for await (const event of readEvents(body)) {
        if (event.event === 'end') return
        if (event.event === 'log') yield { line: LogLine.parse(JSON.parse(event.data)) }
        if (event.event === 'progress') yield { progress: Progress.parse(JSON.parse(event.data)) }
      }
    },

    async module(name: string): Promise<Module> {
      return (await call(ModuleAnswer, 'GET', `/api/modules/${name}`)).module
    },
    listModules: (query: Query = {}): Promise<Page<Module>> =>
      call(ModulePage, 'GET', '/api/modules', { query }),
    async installLog(name: string): Promise<LogLine[]> {
      return parseLines(await (await send('GET', `/api/modules/${name}/install-log`)).text())
    },
    async scanModules(): Promise<void> {
      await send('POST', '/api/modules/scan', { body: {} })
    },

    listAgents: (query: Query = {}): Promise<Page<Agent>> => call(AgentPage, 'GET', '/api/agents', { query }),
    async agent(id: AgentId): Promise<Agent> {
      return (await call(AgentAnswer, 'GET', `/api/agents/${id}`)).agent
    },
    /** It takes no new work until then, or until it is resumed; what runs there goes on to its end. */
    async pauseAgent(id: AgentId, pause: PauseAgent = {}): Promise<Agent> {
      return (await call(AgentAnswer, 'POST', `/api/agents/${id}/pause`, { body: pause })).agent
    },
    async drainAgent(id: AgentId): Promise<Agent> {
      return (await call(AgentAnswer, 'POST', `/api/agents/${id}/drain`, { body: {} })).agent
    },
    async resumeAgent(id: AgentId): Promise<Agent> {
      return (await call(AgentAnswer, 'POST', `/api/agents/${id}/resume`, { body: {} })).agent
    },
    createKey: (key: z.input<typeof CreateKey>): Promise<z.output<typeof KeyCreated>> =>
      call(KeyCreated, 'POST', '/api/keys', { body: key }),
    /** A token that a page may have in place of a key. */
    createGrant: (grant: z.input<typeof CreateGrant>): Promise<GrantCreated> =>
      call(GrantCreated, 'POST', '/api/grants', { body: grant }),
    async revokeGrant(id: GrantId): Promise<void> {
      await send('DELETE', `/api/grants/${id}`)
    },
    /** Has a URL told of the end of every task; its deliveries are signed with the secret, which is shown this once. */
    createWebhook: (webhook: z.input<typeof CreateWebhook>): Promise<WebhookCreated> =>
      call(WebhookCreated, 'POST', '/api/webhooks', { body: webhook }),
    listWebhooks: (query: Query = {}): Promise<Page<Webhook>> =>
      call(WebhookPage, 'GET', '/api/webhooks', { query }),
    async deleteWebhook(id: WebhookId): Promise<void> {
      await send('DELETE', `/api/webhooks/${id}`)
    },
    /** What was sent, with every attempt; under `whk_00000000000000000000000000` for the webhooks of single tasks. */
    listDeliveries: (id: WebhookId, query: Query = {}): Promise<Page<Delivery>> =>
      call(DeliveryPage, 'GET', `/api/webhooks/${id}/deliveries`, { query }),
    /** Sends it once more, under the same id. */
    async redeliver({ id, webhookId }: Pick<Delivery, 'id' | 'webhookId'>): Promise<Delivery> {
      const path = `/api/webhooks/${webhookId}/deliveries/${encodeURIComponent(id)}/redeliver`
      return (await call(DeliveryAnswer, 'POST', path)).delivery
    },
    /** What the webhooks of single tasks are signed with. */
    async webhookSecret(): Promise<string> {
      return (await call(SigningSecret, 'GET', '/api/webhooks/signing-secret')).secret
    },
    /** Who changed what, newest first. */
    listAudit: (query: Query = {}): Promise<Page<AuditEntry>> =>
      call(AuditPage, 'GET', '/api/audit', { query }),
    settings: (): Promise<Settings> => call(Settings, 'GET', '/api/settings'),
    changeSettings: (patch: SettingsPatch): Promise<Settings> =>
      call(Settings, 'PATCH', '/api/settings', { body: patch }),
    summary: (): Promise<Summary> => call(Summary, 'GET', '/api/summary'),
  }
}

type Sending = {
  query?: Query
  body?: unknown
  idempotencyKey?: string
  lastEventId?: string
  signal?: AbortSignal
}

const parseLines = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => LogLine.parse(JSON.parse(line)))

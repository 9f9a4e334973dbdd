// Generated from the OpenAPI document by `npm run types`. Do not edit.

/** Every call, by method and path. */
export type Calls = {
  /** Store a value, or begin an upload of a file */
  'POST /api/data': {
    body: CreateData
    answer: UploadAnswer
  }
  /** List data items, newest first */
  'GET /api/data': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
      status?: string | number
      type?: string | number
      /** prefix */
      label?: string | number
      tag?: string | number
      producer?: string | number
      grant?: string | number
    }
    answer: DataPage
  }
  /** Verify the uploaded bytes and make the item available */
  'POST /api/data/{id}/complete': {
    params: {
      id: DataId
    }
    answer: DataAnswer
  }
  /** Get a fresh upload URL */
  'POST /api/data/{id}/upload': {
    params: {
      id: DataId
    }
    answer: UploadAnswer
  }
  /** List the parts of a large file that have arrived */
  'GET /api/data/{id}/parts': {
    params: {
      id: DataId
    }
    answer: UploadedParts
  }
  /** Get upload URLs for parts of a large file */
  'POST /api/data/{id}/parts': {
    params: {
      id: DataId
    }
    body: PartsRequest
    answer: PartUrls
  }
  /** Read a data item */
  'GET /api/data/{id}': {
    params: {
      id: DataId
    }
    answer: DataAnswer
  }
  /** Change label, tags or expiry */
  'PATCH /api/data/{id}': {
    params: {
      id: DataId
    }
    body: EditData
    answer: DataAnswer
  }
  /** Remove an item and its content */
  'DELETE /api/data/{id}': {
    params: {
      id: DataId
    }
    answer: null
  }
  /** The content: an inline value, or a redirect to the object store */
  'GET /api/data/{id}/content': {
    params: {
      id: DataId
    }
    query: {
      /** @default "1" */
      redirect?: string | number
      /** @default "attachment" */
      disposition?: string | number
    }
    answer: ContentUrl | Json | null
  }
  /** The task that produced an item, what that task read, and the tasks that read the item */
  'GET /api/data/{id}/lineage': {
    params: {
      id: DataId
    }
    answer: LineageAnswer
  }
  /** Create a task: one module applied to inputs */
  'POST /api/tasks': {
    body: CreateTask
    answer: TaskAnswer
  }
  /** List tasks, newest first */
  'GET /api/tasks': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
      status?: string | number
      module?: string | number
      tag?: string | number
      /** prefix */
      label?: string | number
      createdAfter?: string | number
      createdBefore?: string | number
      grant?: string | number
    }
    answer: TaskPage
  }
  /** Read a task; with ?wait= once it has ended or the time is up */
  'GET /api/tasks/{id}': {
    params: {
      id: TaskId
    }
    query: {
      /**
       * seconds
       * @default 0
       */
      wait?: string | number
    }
    answer: TaskAnswer
  }
  /** Cancel a task */
  'POST /api/tasks/{id}/cancel': {
    params: {
      id: TaskId
    }
    answer: TaskAnswer
  }
  /** Retry a failed, cancelled or skipped task with a new round of attempts */
  'POST /api/tasks/{id}/retry': {
    params: {
      id: TaskId
    }
    answer: TaskAnswer
  }
  /** Create many tasks that may refer to each other, all or none */
  'POST /api/tasks/batch': {
    body: CreateBatch
    answer: BatchAnswer
  }
  /** Cancel every task that matches and has not ended */
  'POST /api/tasks/cancel': {
    body: CancelTasks
    answer: BulkAnswer
  }
  /** List dead letters: failed tasks without attempts left, newest first */
  'GET /api/dead-letters': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
      module?: string | number
      tag?: string | number
    }
    answer: TaskPage
  }
  /** Replay some dead letters, those of a module, or all, each with a new round of attempts */
  'POST /api/dead-letters/replay': {
    body: ReplayTasks
    answer: BulkAnswer
  }
  /** List all current reasons why a task does not run yet */
  'GET /api/tasks/{id}/why': {
    params: {
      id: TaskId
    }
    answer: WhyAnswer
  }
  /** Follow states, progress and lines of a task over all its attempts, as server-sent events until it ends */
  'GET /api/tasks/{id}/events': {
    params: {
      id: TaskId
    }
    query: {
      /** like the header Last-Event-ID, which takes precedence */
      lastEventId?: string | number
    }
    answer: null
    event:
      | {
          event: 'state'
          id?: string
          data: StateEvent
        }
      | {
          event: 'progress'
          id?: string
          data: ProgressEvent
        }
      | {
          event: 'log'
          id?: string
          data: LogEvent
        }
      | {
          event: 'end'
          id?: string
          data: TaskAnswer
        }
  }
  /** Follow changes of tasks, modules and agents as server-sent events; on resync, read everything again */
  'GET /api/events': {
    query: {
      /** like the header Last-Event-ID, which takes precedence */
      lastEventId?: string | number
    }
    answer: null
    event:
      | {
          event: 'message'
          id?: string
          data: ChangeEvent
        }
      | {
          event: 'resync'
          id?: string
          data: Resync
        }
  }
  /** Run a module */
  'POST /api/modules/{name}/run': {
    params: {
      name: string
    }
    body: RunModule
    answer: RunAccepted
  }
  /** List runs, newest first */
  'GET /api/runs': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
      status?: string | number
      module?: string | number
      agent?: string | number
      task?: string | number
      startedAfter?: string | number
      startedBefore?: string | number
    }
    answer: RunPage
  }
  /** Read a run */
  'GET /api/runs/{id}': {
    params: {
      id: RunId
    }
    answer: RunAnswer
  }
  /** Cancel the task of a run */
  'DELETE /api/runs/{id}': {
    params: {
      id: RunId
    }
    answer: TaskAnswer
  }
  /** Read the lines of a run as NDJSON; with ?follow=1 as server-sent events until it ends */
  'GET /api/runs/{id}/logs': {
    params: {
      id: RunId
    }
    query: {
      tail?: string | number
      stream?: string | number
      /** only lines with a greater n */
      since?: string | number
      /** @default 10000 */
      limit?: string | number
      /** @default "0" */
      follow?: string | number
    }
    answer: null
    line: LogLine
    event:
      | {
          event: 'log'
          id?: string
          data: LogLine
        }
      | {
          event: 'progress'
          id?: string
          data: Progress
        }
      | {
          event: 'end'
          id?: string
          data: Record<string, never>
        }
  }
  /** List modules by name */
  'GET /api/modules': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
      status?: string | number
      accepts?: string | number
      returns?: string | number
    }
    answer: ModulePage
  }
  /** Read a module */
  'GET /api/modules/{name}': {
    params: {
      name: string
    }
    answer: ModuleAnswer
  }
  /** Let every agent, or one, scan its modules folder */
  'POST /api/modules/scan': {
    body: ScanRequest
    answer: ScanAnswer
  }
  /** Let every agent on which the module failed install and test it again */
  'POST /api/modules/{name}/retry': {
    params: {
      name: string
    }
    answer: ScanAnswer
  }
  /** Let every agent with the module test it again */
  'POST /api/modules/{name}/test': {
    params: {
      name: string
    }
    answer: ScanAnswer
  }
  /** Enable a module */
  'POST /api/modules/{name}/enable': {
    params: {
      name: string
    }
    answer: ModuleAnswer
  }
  /** Disable a module: its runs continue to their end, its queued tasks wait */
  'POST /api/modules/{name}/disable': {
    params: {
      name: string
    }
    answer: ModuleAnswer
  }
  /** Approve the contents of an untrusted agent, or different contents of one version */
  'POST /api/modules/{name}/approve': {
    params: {
      name: string
    }
    body: ApproveModule
    answer: ModuleAnswer
  }
  /** Read the lines of the last install, set-up and test as NDJSON */
  'GET /api/modules/{name}/install-log': {
    params: {
      name: string
    }
    query: {
      agentId?: string | number
      digest?: string | number
      /** lines after this number */
      since?: string | number
      /**
       * 1: server-sent events with new lines
       * @default "0"
       */
      follow?: string | number
    }
    answer: null
    line: LogLine
    event: {
      event: 'log'
      id?: string
      data: LogLine
    }
  }
  /** List agents, newest first */
  'GET /api/agents': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
    }
    answer: AgentPage
  }
  /** Read an agent */
  'GET /api/agents/{id}': {
    params: {
      id: AgentId
    }
    answer: AgentAnswer
  }
  /** Pause an agent, without limit or until a time; its runs continue to their end */
  'POST /api/agents/{id}/pause': {
    params: {
      id: AgentId
    }
    body: PauseAgent
    answer: AgentAnswer
  }
  /** Drain an agent: it claims no new work and hands back the runs that do not end in time */
  'POST /api/agents/{id}/drain': {
    params: {
      id: AgentId
    }
    answer: AgentAnswer
  }
  /** Resume an agent after a pause or drain */
  'POST /api/agents/{id}/resume': {
    params: {
      id: AgentId
    }
    answer: AgentAnswer
  }
  /** Create a task repeatedly, by cron or at a fixed interval */
  'POST /api/schedules': {
    body: CreateSchedule
    answer: ScheduleAnswer
  }
  /** List schedules, newest first */
  'GET /api/schedules': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
    }
    answer: SchedulePage
  }
  /** Read a schedule with its next fire times and last tasks */
  'GET /api/schedules/{id}': {
    params: {
      id: ScheduleId
    }
    answer: ScheduleAnswer
  }
  /** Change, pause or resume a schedule */
  'PATCH /api/schedules/{id}': {
    params: {
      id: ScheduleId
    }
    body: EditSchedule
    answer: ScheduleAnswer
  }
  /** Delete a schedule; its tasks stay */
  'DELETE /api/schedules/{id}': {
    params: {
      id: ScheduleId
    }
    answer: null
  }
  /** Send the end of every task to a URL; the secret is shown only in this answer */
  'POST /api/webhooks': {
    body: CreateWebhook
    answer: WebhookCreated
  }
  /** List webhooks, newest first */
  'GET /api/webhooks': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
    }
    answer: WebhookPage
  }
  /** Delete a webhook; its pending deliveries fail */
  'DELETE /api/webhooks/{id}': {
    params: {
      id: WebhookId
    }
    answer: null
  }
  /** List deliveries with all their attempts */
  'GET /api/webhooks/{id}/deliveries': {
    params: {
      id: WebhookId
    }
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
    }
    answer: DeliveryPage
  }
  /** Send a delivery again */
  'POST /api/webhooks/{id}/deliveries/{did}/redeliver': {
    params: {
      id: WebhookId
      did: string
    }
    answer: DeliveryAnswer
  }
  /** Read the secret that signs webhooks of single tasks */
  'GET /api/webhooks/signing-secret': {
    answer: SigningSecret
  }
  /** Create a key; its secret is shown only in this answer */
  'POST /api/keys': {
    body: CreateKey
    answer: KeyCreated
  }
  /** List keys, newest first */
  'GET /api/keys': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
    }
    answer: KeyPage
  }
  /** Revoke a key immediately */
  'DELETE /api/keys/{id}': {
    params: {
      id: KeyId
    }
    answer: null
  }
  /** Create a grant for a page; its token is shown only in this answer */
  'POST /api/grants': {
    body: CreateGrant
    answer: GrantCreated
  }
  /** List grants, newest first */
  'GET /api/grants': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
    }
    answer: GrantPage
  }
  /** Revoke a grant immediately; its data and tasks stay */
  'DELETE /api/grants/{id}': {
    params: {
      id: GrantId
    }
    answer: null
  }
  /** Create a ticket that opens one path without a key for 60 s */
  'POST /api/tickets': {
    body: CreateTicket
    answer: TicketCreated
  }
  /** Who changed what, newest first */
  'GET /api/audit': {
    query: {
      /** @default 50 */
      limit?: string | number
      cursor?: string | number
      action?: string | number
      key?: string | number
      subject?: string | number
      /** at this time or later */
      after?: string | number
      before?: string | number
    }
    answer: AuditPage
  }
  /** Read the settings */
  'GET /api/settings': {
    answer: Settings
  }
  /** Change settings; they apply immediately */
  'PATCH /api/settings': {
    body: SettingsPatch
    answer: Settings
  }
  /** Counts for a dashboard, at most 5 s old */
  'GET /api/summary': {
    answer: Summary
  }
  /** Run the background jobs once, for runtimes without timers */
  'POST /api/tick': {
    answer: null
  }
  /** The process is alive */
  'GET /healthz': {
    answer: Health
  }
  /** Each server that the API needs: "ok" or the fault; whether the object store is safe */
  'GET /readyz': {
    answer: Readiness
  }
  /** Prometheus metrics */
  'GET /metrics': {
    answer: null
  }
}

export type Agent = {
  id: AgentId
  name: string
  status: AgentStatus
  /** why it claims no new work */
  rest: {
    kind: 'paused' | 'draining'
    /** @default null */
    note: string | null
    /** @default null */
    until: string | null
    by: 'operator' | 'owner'
  } | null
  labels: string[]
  platform: Platform
  gpus: Gpu[]
  capacity: number | null
  running: RunId[]
  modules: {
    name: string
    version: string
    status: string
  }[]
  /** whether its key lets its reports count without approval */
  trusted?: boolean
  /** the first 100 modules of its last report that are not in the registry */
  leftOut?: {
    name: string
    reason: string
  }[]
  lastSeenAt: string
  /** how far its clock is ahead of the API's, at its last heartbeat; null: unknown */
  clockOffsetSeconds?: number | null
  version: string
}

export type AgentAnswer = {
  agent: Agent
}

export type AgentId = `agt_${string}`

export type AgentPage = {
  items: Agent[]
  nextCursor: string | null
}

export type AgentStatus = 'online' | 'offline' | 'paused' | 'draining'

export type ApproveModule = {
  version?: string
  digest?: string
  /** all versions on this agent, or the named one */
  agent?: AgentId
}

export type AuditEntry = {
  id: AuditId
  at: string
  /** e.g. key.create */
  action: string
  /** the id of the changed object */
  subject: string | null
  /** the requested change, without secrets */
  detail: { [key: string]: Json } | null
  keyId: KeyId
  grantId: GrantId | null
  requestId: string
  path: string
  status: number
}

export type AuditId = `aud_${string}`

export type AuditPage = {
  items: AuditEntry[]
  nextCursor: string | null
}

export type AwaitingApproval = {
  agentId: AgentId
  version: string
  digest: string
  since: string
}

export type Backoff = {
  /** @default 1 */
  initialSeconds?: number
  /** @default 2 */
  factor?: number
  /** @default 300 */
  maxSeconds?: number
}

export type BatchAnswer = {
  /** by ref */
  tasks: { [key: string]: Task }
}

export type BatchTask = {
  module: string
  version?: SemVer
  /** @default {} */
  inputs?: { [key: string]: Json }
  /** @default {} */
  outputs?: {
    [key: string]: {
      label?: Label
      tags?: Tags
    }
  }
  /** @default "" */
  label?: Label
  /** @default "normal" */
  priority?: Priority
  /**
   * task ids, and refs of this batch
   * @default []
   */
  after?: (TaskId | TaskRef)[]
  /** @default "skip" */
  onUpstreamFailure?: 'skip' | 'fail' | 'run'
  /** default: the value of the module, else 3 */
  maxAttempts?: number
  /** @default {} */
  backoff?: Backoff
  timeoutSeconds?: number
  notBefore?: string
  concurrencyKey?: string
  concurrencyLimit?: number
  /** @default [] */
  tags?: Tags
  webhook?: TaskWebhook
  ref: TaskRef
}

export type BrowserGrant = {
  id: GrantId
  maxUploads: number
  maxUploadBytes: number
  contentTypes: string[] | null
  maxTasks: number
  modules: string[]
  /** made so far */
  uploads: number
  /** made so far */
  tasks: number
  createdAt: string
  expiresAt: string
}

export type BulkAnswer = {
  count: number
}

export type CancelTasks = {
  filter: TaskFilter
}

export type ChangeEvent =
  | {
      kind: 'task'
      id: TaskId
      status: TaskStatus
      updatedAt: string
    }
  | {
      kind: 'module'
      id: string
      status: ModuleStatus
      updatedAt: string
    }
  | {
      kind: 'agent'
      id: AgentId
      status: AgentStatus
      updatedAt: string
    }

export type ContentTypePattern = string

export type ContentUrl = {
  url: string
  expiresAt: string
}

export type CreateBatch = {
  tasks: BatchTask[]
}

export type CreateData = CreateValue | CreateFile

export type CreateFile = {
  label: Label
  type?: DataType
  /** @default [] */
  tags?: Tags
  expiresAt?: string | null
  file: {
    name: string
    /** bytes */
    size: number
    contentType?: string
    /** of the whole file; up to 100 MiB */
    sha256?: Sha256
  }
}

export type CreateGrant = {
  /** files and values */
  maxUploads: number
  /** of each */
  maxUploadBytes: number
  /** default: all */
  contentTypes?: ContentTypePattern[]
  maxTasks: number
  modules: GivenModuleName[]
  expiresAt: string
}

export type CreateKey = {
  name: string
  scopes: Scope[]
  expiresAt?: string | null
  /** for all its requests; no limit when omitted */
  rateLimit?: RateLimit | null
  /** with the scope agent: modules that its agents may serve; default: ["*"] */
  modules?: ModulePattern[]
  /** with the scope agent: whether reports of its agents count without approval; default: true */
  trusted?: boolean
}

export type CreateSchedule = {
  name: string
  /** five fields, or a shortcut such as @hourly */
  cron?: string | null
  everySeconds?: number | null
  /**
   * IANA name, for cron
   * @default "UTC"
   */
  timezone?: string
  task: ScheduledTask
  /**
   * skip: create no task until the previous one has ended
   * @default "allow"
   */
  overlap?: 'allow' | 'skip'
  /**
   * fire times missed by more than this are skipped
   * @default 60
   */
  catchUpSeconds?: number
  /** @default true */
  enabled?: boolean
}

export type CreateTask = {
  module: string
  version?: SemVer
  /** @default {} */
  inputs?: { [key: string]: Json }
  /** @default {} */
  outputs?: {
    [key: string]: {
      label?: Label
      tags?: Tags
    }
  }
  /** @default "" */
  label?: Label
  /** @default "normal" */
  priority?: Priority
  /** @default [] */
  after?: TaskId[]
  /** @default "skip" */
  onUpstreamFailure?: 'skip' | 'fail' | 'run'
  /** default: the value of the module, else 3 */
  maxAttempts?: number
  /** @default {} */
  backoff?: Backoff
  timeoutSeconds?: number
  notBefore?: string
  concurrencyKey?: string
  concurrencyLimit?: number
  /** @default [] */
  tags?: Tags
  webhook?: TaskWebhook
}

export type CreateTicket = {
  /** the path from /api/ on, with its query, that a key of scope read may GET, e.g. /api/data/dat_…/content */
  path: string
}

export type CreateValue = {
  label: Label
  type?: DataType
  /** @default [] */
  tags?: Tags
  expiresAt?: string | null
  value: Json
}

export type CreateWebhook = {
  url: string
  events?: ('task.succeeded' | 'task.failed' | 'task.cancelled' | 'task.skipped' | 'task.*')[]
}

export type DataAnswer = {
  data: DataItem
}

export type DataId = `dat_${string}`

export type DataItem = {
  id: DataId
  label: string
  type: DataType
  isFile: boolean
  status: DataStatus
  value?: Json
  /** the value is longer than a list shows; read the item */
  truncated?: boolean
  contentType?: string
  /** bytes */
  size?: number
  /** hex; present only when the object store verified it */
  sha256?: string
  fileName?: string
  /** pixels; of images and videos whose header has it */
  width?: number
  height?: number
  /** of uploaded audio and video; null when the file does not contain it */
  durationSeconds?: number | null
  items?: {
    data: DataId
  }[]
  error?: {
    code: string
    message: string
  }
  producer: {
    taskId: TaskId
    output: string
  } | null
  /** created with the token of this grant */
  grantId: GrantId | null
  tags: string[]
  createdAt: string
  updatedAt: string
  expiresAt: string | null
}

export type DataPage = {
  items: DataItem[]
  nextCursor: string | null
}

export type DataStatus =
  | 'pending'
  | 'uploading'
  | 'available'
  | 'failed'
  | 'expired'
  | 'deleting'
  | 'removing'

export type DataType = 'image' | 'video' | 'audio' | 'text' | 'json' | 'number' | 'boolean' | 'file' | 'list'

export type Delivery = {
  /** the webhook-id header; the same for every send */
  id: string
  webhookId: WebhookId
  taskId: TaskId
  type: WebhookEvent
  url: string
  status: 'due' | 'delivered' | 'failed'
  nextAttemptAt: string | null
  attempts: {
    at: string
    status: number | null
    error: string | null
    ms: number
  }[]
  createdAt: string
}

export type DeliveryAnswer = {
  delivery: Delivery
}

export type DeliveryPage = {
  items: Delivery[]
  nextCursor: string | null
}

export type EditData = {
  label?: Label
  tags?: Tags
  expiresAt?: string | null
}

export type EditSchedule = {
  name?: string
  /** five fields, or a shortcut such as @hourly */
  cron?: string | null
  everySeconds?: number | null
  /** IANA name, for cron */
  timezone?: string
  task?: ScheduledTask
  /** skip: create no task until the previous one has ended */
  overlap?: 'allow' | 'skip'
  /** fire times missed by more than this are skipped */
  catchUpSeconds?: number
  enabled?: boolean
}

export type GivenModuleName = string

export type Gpu = {
  uuid: string
  name: string
  /**
   * bytes; 0: unknown
   * @default 0
   */
  memoryTotal: number
  /**
   * bytes
   * @default null
   */
  memoryUsed: number | null
  foreignBytes?: number | null
  /** @default [] */
  reserved: {
    module: string
    bytes: number
  }[]
  /**
   * percent
   * @default null
   */
  utilization: number | null
  driverVersion?: string | null
}

export type GrantCreated = {
  grant: BrowserGrant
  /** shown once */
  token: string | null
}

export type GrantId = `grt_${string}`

export type GrantPage = {
  items: BrowserGrant[]
  nextCursor: string | null
}

export type Health = {
  status: 'ok'
}

export type HealthCheck = {
  lastTested: string
  passed: boolean
}

export type InputRef =
  | {
      data: DataId
    }
  | {
      value: Json
    }

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

export type Key = {
  id: KeyId
  name: string
  scopes: Scope[]
  createdAt: string
  expiresAt: string | null
  rateLimit: RateLimit | null
  /** modules that its agents may serve; only on keys with the scope agent */
  modules?: string[]
  /** whether reports of its agents count without approval; only on keys with the scope agent */
  trusted?: boolean
}

export type KeyCreated = {
  key: Key
  /** shown once */
  secret: string | null
}

export type KeyId = `key_${string}`

export type KeyPage = {
  items: Key[]
  nextCursor: string | null
}

export type Label = string

export type LineageAnswer = {
  data: DataItem
  producedBy: Task | null
  /** the inputs of that task */
  inputs: DataItem[]
  /** the tasks that read this item, newest first, at most 200 */
  usedBy: Task[]
}

export type LogEvent = {
  n: number
  at: string
  stream: LogStream
  line: string
  runId: RunId
}

export type LogLine = {
  n: number
  at: string
  stream: LogStream
  line: string
}

export type LogStream = 'stdout' | 'stderr' | 'agent'

export type Module = {
  name: string
  /** the name in the workers file; calls accept it too */
  originalName: string | null
  version: string
  versions: string[]
  description: string
  status: ModuleStatus
  digest: string
  inputs: ModulePort[]
  outputs: ModulePort[]
  resources: {
    usesGpu: boolean
    minRamBytes: number
    minVramBytes: number
  }
  timeoutSeconds: number
  /** of its tasks that do not set it */
  maxAttempts: number | null
  capabilities: {
    accepts: DataType[]
    returns: DataType[]
  }
  agents: ModuleOnAgent[]
  /** @default [] */
  awaitingApproval: AwaitingApproval[]
  /** newest first, at most 100; omitted in lists */
  history?: ModuleMove[]
  createdAt: string
  updatedAt: string
}

export type ModuleAnswer = {
  module: Module
}

export type ModuleMove = {
  agentId: AgentId
  version: string
  digest: string
  /** null: the agent no longer has it */
  status: ModuleStatus | null
  error: string | null
  at: string
}

export type ModuleOnAgent = {
  agentId: AgentId
  status: ModuleStatus
  version: string
  digest: string
  path: string
  pythonExec: string | null
  error: string | null
  healthCheck: HealthCheck | null
  installSeconds: number | null
  /**
   * it gets no tasks until POST …/approve
   * @default false
   */
  needsApproval: boolean
}

export type ModulePage = {
  items: Module[]
  nextCursor: string | null
}

export type ModulePattern = string

export type ModulePort = {
  key: string
  type: string
  format?: string[]
  required: boolean
  default?: Json
  description?: string
  enum?: Json[]
  integer: boolean
  min?: number
  max?: number
  multiple: boolean
}

export type ModuleStatus = 'DETECTED' | 'INSTALLING' | 'TESTING' | 'AVAILABLE' | 'ERROR' | 'DISABLED'

export type MultipartUpload = {
  kind: 'multipart'
  partSize: number
  partCount: number
  expiresAt: string
}

export type PartUrls = {
  parts: {
    partNumber: number
    url: string
    headers: { [key: string]: string }
  }[]
  expiresAt: string
}

export type PartsRequest = {
  parts: {
    partNumber: number
    sha256?: Sha256
  }[]
}

export type PauseAgent = {
  /** a note for other operators */
  note?: string
  resumeAt?: string
}

export type Platform = {
  os: string
  arch?: string
  cpus?: number
  memoryBytes?: number
  hostname?: string
  python?: string | null
}

export type Priority = 'high' | 'normal' | 'low'

export type Problem = {
  type: string
  title: string
  status: number
  code: string
  detail: string
  requestId: string
  errors?: {
    /** JSON Pointer */
    path: string
    message: string
  }[]
}

export type Progress = {
  percent?: number
  message?: string
}

export type ProgressEvent = {
  percent?: number
  message?: string
  runId: RunId
  at: string
}

export type RateLimit = {
  requestsPerSecond: number
  /** most requests at once; default: those of one second */
  burst?: number
}

export type Readiness = {
  /** ok, or the fault */
  mongodb: string
  /** ok, or the fault */
  nats: string
  /** ok, or the fault */
  s3: string
  /** whether the object store verifies signatures */
  s3Safety: string
}

export type ReplayTasks = {
  ids?: TaskId[]
  module?: GivenModuleName
  all?: true
}

export type Resync = Record<string, never>

export type Run = {
  id: RunId
  taskId: TaskId
  attempt: number
  module: string
  version: string | null
  digest: string | null
  agentId: AgentId | null
  status: RunStatus
  exitCode: number | null
  signal: string | null
  error: TaskError | null
  willRetry: boolean
  nextRunId: RunId | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  durationSeconds: number | null
  usage: RunUsage | null
  log: RunLog | null
  /** of the HTTP request that created its task */
  requestId?: string
}

export type RunAccepted = {
  taskId: TaskId
  runId: RunId | null
  status: string
}

export type RunAnswer = {
  run: Run
}

export type RunId = `tsk_${string}.${number}`

export type RunLog = {
  lines: number
  bytes: number
  truncated: boolean
}

export type RunModule = {
  version?: SemVer
  /** @default {} */
  inputs?: { [key: string]: Json }
  /** @default {} */
  outputs?: {
    [key: string]: {
      label?: Label
      tags?: Tags
    }
  }
  /** @default "" */
  label?: Label
  /** @default "normal" */
  priority?: Priority
  /** @default [] */
  after?: TaskId[]
  /** @default "skip" */
  onUpstreamFailure?: 'skip' | 'fail' | 'run'
  /** default: the value of the module, else 3 */
  maxAttempts?: number
  /** @default {} */
  backoff?: Backoff
  timeoutSeconds?: number
  notBefore?: string
  concurrencyKey?: string
  concurrencyLimit?: number
  /** @default [] */
  tags?: Tags
  webhook?: TaskWebhook
  /** @default true */
  queue?: boolean
}

export type RunPage = {
  items: Run[]
  nextCursor: string | null
}

export type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timed_out' | 'lost'

export type RunUsage = {
  peakRamBytes: number | null
  peakVramBytes: number | null
  cpuSeconds: number | null
}

export type ScanAnswer = {
  agents: AgentId[]
}

export type ScanRequest = {
  agentId?: AgentId
}

export type Schedule = {
  id: ScheduleId
  name: string
  cron: string | null
  everySeconds: number | null
  timezone: string
  task: { [key: string]: Json }
  /** skip: create no task until the previous one has ended */
  overlap: 'allow' | 'skip'
  catchUpSeconds: number
  enabled: boolean
  /** null while it is paused */
  nextFireAt: string | null
  /** the next fire times, by the current settings */
  nextFires: string[]
  /** newest first */
  lastTasks: {
    taskId: TaskId
    fireAt: string
  }[]
  /** the last fire time without a task, and why */
  lastSkip: {
    fireAt: string
    reason: string
  } | null
  /** fire times without a task */
  skipped: number
  createdAt: string
  updatedAt: string
}

export type ScheduleAnswer = {
  schedule: Schedule
}

export type ScheduleId = `sch_${string}`

export type SchedulePage = {
  items: Schedule[]
  nextCursor: string | null
}

export type ScheduledTask = {
  module: string
  version?: SemVer
  /** @default {} */
  inputs?: { [key: string]: Json }
  /** @default {} */
  outputs?: {
    [key: string]: {
      label?: Label
      tags?: Tags
    }
  }
  /** @default "" */
  label?: Label
  /** @default "normal" */
  priority?: Priority
  /** @default [] */
  after?: TaskId[]
  /** @default "skip" */
  onUpstreamFailure?: 'skip' | 'fail' | 'run'
  /** default: the value of the module, else 3 */
  maxAttempts?: number
  /** @default {} */
  backoff?: Backoff
  timeoutSeconds?: number
  concurrencyKey?: string
  concurrencyLimit?: number
  /** @default [] */
  tags?: Tags
  webhook?: TaskWebhook
}

export type Scope = 'admin' | 'write' | 'read' | 'agent'

export type SemVer = string

export type Settings = {
  maxRunningTasks: number
  perModule: { [key: string]: number }
  retentionDays: {
    /** ended runs of ended tasks, with their logs; null: kept with the task */
    runs: number | null
    /**
     * the logs alone, to remove them earlier; null: kept with the run
     * @default null
     */
    logs: number | null
    /**
     * ended tasks, with all their runs; null: kept forever
     * @default null
     */
    tasks: number | null
    /**
     * data that no task produced; null: kept forever
     * @default null
     */
    uploads: number | null
    /**
     * data that a task produced; null: kept forever
     * @default null
     */
    outputs: number | null
  }
}

export type SettingsPatch = {
  maxRunningTasks?: number
  /** null removes a limit */
  perModule?: { [key: string]: number | null }
  retentionDays?: {
    runs?: number | null
    logs?: number | null
    tasks?: number | null
    uploads?: number | null
    outputs?: number | null
  }
}

export type Sha256 = string

export type SigningSecret = {
  secret: string
}

export type SingleUpload = {
  kind: 'single'
  method: 'PUT'
  url: string
  headers: { [key: string]: string }
  expiresAt: string
}

export type StateEvent = {
  taskId: TaskId
  status: TaskStatus
  attempt: number
  runId: RunId | null
  at: string
}

export type Summary = {
  asOf: string
  tasks: {
    planned: number
    active: number
    completed: number
    byStatus: { [key: string]: number }
  }
  perModule: {
    [key: string]: {
      planned: number
      active: number
      completed: number
    }
  }
  agents: {
    total: number
    online: number
  }
  data: {
    count: number
    bytes: number
  }
}

export type Tags = string[]

export type Task = {
  id: TaskId
  label: string
  module: string
  version: string | null
  status: TaskStatus
  priority: Priority
  inputs: { [key: string]: InputRef | InputRef[] }
  outputs: {
    [key: string]: {
      data: DataId
    }
  }
  after: TaskId[]
  waitingFor: (DataId | TaskId)[]
  attempt: number
  maxAttempts: number
  progress: Progress | null
  /** omitted in lists */
  result?: { [key: string]: Json } | null
  error: TaskError | null
  agentId: AgentId | null
  currentRun: RunId | null
  history: {
    status: TaskStatus
    attempt: number
    at: string
  }[]
  /** created with the token of this grant */
  grantId: GrantId | null
  /** of the HTTP request that created it */
  requestId?: string
  tags: string[]
  cancelRequestedAt: string | null
  notBefore: string | null
  createdAt: string
  queuedAt: string | null
  startedAt: string | null
  finishedAt: string | null
}

export type TaskAnswer = {
  task: Task
}

export type TaskError = {
  code: TaskErrorCode
  message: string
  retryable: boolean
  detail?: { [key: string]: Json }
}

export type TaskErrorCode =
  | 'module_error'
  | 'crashed'
  | 'timed_out'
  | 'lost'
  | 'agent_lost'
  | 'bad_output'
  | 'upload_failed'
  | 'out_of_memory'
  | 'upstream_failed'
  | 'data_not_available'
  | 'cancelled'

export type TaskFilter = {
  ids?: TaskId[]
  status?: TaskStatus | TaskStatus[]
  module?: GivenModuleName
  tag?: string
  /** prefix */
  label?: Label
  createdAfter?: string
  createdBefore?: string
}

export type TaskId = `tsk_${string}`

export type TaskPage = {
  items: Task[]
  nextCursor: string | null
}

export type TaskRef = string

export type TaskStatus = 'blocked' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped'

export type TaskWebhook = {
  url: string
  events?: ('task.succeeded' | 'task.failed' | 'task.cancelled' | 'task.skipped' | 'task.*')[]
}

export type TicketCreated = {
  /** append it to the path as ?ticket= or &ticket=; shown once */
  ticket: string | null
  expiresAt: string
}

export type Upload = SingleUpload | MultipartUpload

export type UploadAnswer = {
  data: DataItem
  upload: Upload | null
}

export type UploadedParts = {
  partSize: number
  partCount: number
  uploaded: {
    partNumber: number
    size: number
    etag: string
  }[]
}

export type WaitReason =
  | 'upstream'
  | 'not_before'
  | 'retry_backoff'
  | 'concurrency_limit'
  | 'module_limit'
  | 'global_limit'
  | 'no_agent'
  | 'module_unavailable'
  | 'agent_full'
  | 'gpu_memory'
  | 'no_gpu'
  | 'paused'
  | 'behind_others'

export type Waiting = {
  reason: WaitReason
  detail: string
  dataId?: DataId
  taskId?: TaskId
  status?: string
  until?: string
  key?: string
  limit?: number
  /** runs that hold the slots */
  running?: RunId[]
  agents?: {
    agentId: AgentId
    name: string
    running: number
    capacity: number | null
  }[]
  /** tasks that are ahead; counted up to 1,000 */
  ahead?: number
  /** until a slot is free, estimated from past runs of the module; null: no past runs */
  expectedSeconds?: number | null
}

export type Webhook = {
  id: WebhookId
  url: string
  events: WebhookEvent[]
  /** its receiver answered 410 Gone */
  disabledAt: string | null
  createdAt: string
}

export type WebhookCreated = {
  webhook: Webhook
  /** whsec_…, shown once; it signs every delivery */
  secret: string | null
}

export type WebhookEvent = 'task.succeeded' | 'task.failed' | 'task.cancelled' | 'task.skipped'

export type WebhookId = `whk_${string}`

export type WebhookPage = {
  items: Webhook[]
  nextCursor: string | null
}

export type WhyAnswer = {
  /** empty: it runs or has ended */
  waitingFor: Waiting[]
}

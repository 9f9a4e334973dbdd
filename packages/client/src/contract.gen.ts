// Generated from the OpenAPI document by `npm run types`. Do not edit.

/** Every call, by method and path. */
export type Calls = {
  /** Keep a value, or begin to upload a file */
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
  /** The bytes are there: verify them and make the item available */
  'POST /api/data/{id}/complete': {
    params: {
      id: DataId
    }
    answer: DataAnswer
  }
  /** A fresh upload URL */
  'POST /api/data/{id}/upload': {
    params: {
      id: DataId
    }
    answer: UploadAnswer
  }
  /** Which parts of a large file have arrived */
  'GET /api/data/{id}/parts': {
    params: {
      id: DataId
    }
    answer: UploadedParts
  }
  /** URLs for parts of a large file */
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
  /** Read a task; with ?wait= as soon as it has ended */
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
  /** Give a failed, cancelled or skipped task a fresh round of attempts */
  'POST /api/tasks/{id}/retry': {
    params: {
      id: TaskId
    }
    answer: TaskAnswer
  }
  /** Create many tasks that may name each other, all or none */
  'POST /api/tasks/batch': {
    body: CreateBatch
    answer: BatchAnswer
  }
  /** Cancel every task that matches and has not ended */
  'POST /api/tasks/cancel': {
    body: CancelTasks
    answer: BulkAnswer
  }
  /** List tasks whose attempts are over, newest first */
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
  /** Give some of them, those of a module, or all a fresh round of attempts */
  'POST /api/dead-letters/replay': {
    body: ReplayTasks
    answer: BulkAnswer
  }
  /** Why a task does not run yet: every reason that holds now */
  'GET /api/tasks/{id}/why': {
    params: {
      id: TaskId
    }
    answer: WhyAnswer
  }
  /** States, progress and lines of a task over all of its attempts, as server-sent events until it ends */
  'GET /api/tasks/{id}/events': {
    params: {
      id: TaskId
    }
    query: {
      /** as the header Last-Event-ID, which goes before */
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
  /** Changes of tasks, modules and agents as server-sent events; resync: some may be missing, read again */
  'GET /api/events': {
    query: {
      /** as the header Last-Event-ID, which goes before */
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
  /** Lines of a run as NDJSON; with ?follow=1 as server-sent events until it ends */
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
  /** Have every agent, or one, scan its modules folder */
  'POST /api/modules/scan': {
    body: ScanRequest
    answer: ScanAnswer
  }
  /** Have every agent where it failed install and test it again */
  'POST /api/modules/{name}/retry': {
    params: {
      name: string
    }
    answer: ScanAnswer
  }
  /** Have every agent that has it test it again */
  'POST /api/modules/{name}/test': {
    params: {
      name: string
    }
    answer: ScanAnswer
  }
  /** Take it into use again */
  'POST /api/modules/{name}/enable': {
    params: {
      name: string
    }
    answer: ModuleAnswer
  }
  /** Take it out of use: what runs goes on to its end, what is queued waits */
  'POST /api/modules/{name}/disable': {
    params: {
      name: string
    }
    answer: ModuleAnswer
  }
  /** Let contents serve that an agent without trust has, or that others have otherwise */
  'POST /api/modules/{name}/approve': {
    params: {
      name: string
    }
    body: ApproveModule
    answer: ModuleAnswer
  }
  /** Lines of the last install, set-up and test as NDJSON */
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
       * 1: server-sent events, as the lines come
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
  /** Let an agent take no new work, for ever or until a time; what runs there goes on to its end */
  'POST /api/agents/{id}/pause': {
    params: {
      id: AgentId
    }
    body: PauseAgent
    answer: AgentAnswer
  }
  /** Empty an agent: it takes no new work, and hands back what is not finished in its time */
  'POST /api/agents/{id}/drain': {
    params: {
      id: AgentId
    }
    answer: AgentAnswer
  }
  /** Let an agent work again that was paused or drained */
  'POST /api/agents/{id}/resume': {
    params: {
      id: AgentId
    }
    answer: AgentAnswer
  }
  /** Make a task again and again: by cron, or every so many seconds */
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
  /** Read a schedule: its next times, and what it made last */
  'GET /api/schedules/{id}': {
    params: {
      id: ScheduleId
    }
    answer: ScheduleAnswer
  }
  /** Change a schedule, pause it or go on with it */
  'PATCH /api/schedules/{id}': {
    params: {
      id: ScheduleId
    }
    body: EditSchedule
    answer: ScheduleAnswer
  }
  /** Delete a schedule; the tasks it made stay */
  'DELETE /api/schedules/{id}': {
    params: {
      id: ScheduleId
    }
    answer: null
  }
  /** Tell a URL of the end of every task; the secret is shown this once */
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
  /** Delete a webhook; what is still due fails */
  'DELETE /api/webhooks/{id}': {
    params: {
      id: WebhookId
    }
    answer: null
  }
  /** What was sent, with every attempt */
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
  /** Send a delivery once more */
  'POST /api/webhooks/{id}/deliveries/{did}/redeliver': {
    params: {
      id: WebhookId
      did: string
    }
    answer: DeliveryAnswer
  }
  /** The secret that webhooks of single tasks are signed with */
  'GET /api/webhooks/signing-secret': {
    answer: SigningSecret
  }
  /** Make a key; its secret is shown this once */
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
  /** Revoke a key, at once */
  'DELETE /api/keys/{id}': {
    params: {
      id: KeyId
    }
    answer: null
  }
  /** Make a token for a page; it is shown this once */
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
  /** Revoke a token, at once; what was made with it stays */
  'DELETE /api/grants/{id}': {
    params: {
      id: GrantId
    }
    answer: null
  }
  /** Make a ticket that opens one path without a key, within 60 s */
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
  /** Change settings; in force at once */
  'PATCH /api/settings': {
    body: SettingsPatch
    answer: Settings
  }
  /** Counts for a dashboard, at most 5 s old */
  'GET /api/summary': {
    answer: Summary
  }
  /** Carry on what was left and do what is due; for runtimes without a timer of their own */
  'POST /api/tick': {
    answer: null
  }
  /** The process is alive */
  'GET /healthz': {
    answer: Health
  }
  /** Each server this needs: "ok", or why not; whether the object store is safe */
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
  /** why it takes no new work */
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
  /** whether its reports count without approval, by its key */
  trusted?: boolean
  /** modules that it last reported and that are not in the registry; the first 100 */
  leftOut?: {
    name: string
    reason: string
  }[]
  lastSeenAt: string
  /** how far its clock is ahead of the API's, by its last heartbeat; null: not known */
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
  /** all that this agent has of the module, or what of it is named */
  agent?: AgentId
}

export type AuditEntry = {
  id: AuditId
  at: string
  /** e.g. key.create */
  action: string
  /** what it was done to */
  subject: string | null
  /** what was asked for, never with a secret in it */
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
  /** when left out, what the module says, else 3 */
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
  /** all, when left out */
  contentTypes?: ContentTypePattern[]
  maxTasks: number
  modules: GivenModuleName[]
  expiresAt: string
}

export type CreateKey = {
  name: string
  scopes: Scope[]
  expiresAt?: string | null
  /** of all its requests; none when left out */
  rateLimit?: RateLimit | null
  /** with the scope agent: modules that its agents may serve; ["*"] when left out */
  modules?: ModulePattern[]
  /** with the scope agent: what its agents report counts without approval; true when left out */
  trusted?: boolean
}

export type CreateSchedule = {
  name: string
  /** five fields, or @hourly and its like */
  cron?: string | null
  everySeconds?: number | null
  /**
   * IANA name, for cron
   * @default "UTC"
   */
  timezone?: string
  task: ScheduledTask
  /**
   * skip: not while the task before has not ended
   * @default "allow"
   */
  overlap?: 'allow' | 'skip'
  /**
   * fire times that were missed by more than this are passed over
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
  /** when left out, what the module says, else 3 */
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
  /** from /api/ on, with its query: what a key of scope read may GET, e.g. /api/data/dat_…/content */
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
  /** hex; only when the object store verified it */
  sha256?: string
  fileName?: string
  /** pixels, of a picture or video whose header tells */
  width?: number
  height?: number
  /** of sound and video that was uploaded; null where the file does not tell */
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
  /** made with the token of this grant */
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
  /** the webhook-id header; the same however often it is sent */
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
  /** five fields, or @hourly and its like */
  cron?: string | null
  everySeconds?: number | null
  /** IANA name, for cron */
  timezone?: string
  task?: ScheduledTask
  /** skip: not while the task before has not ended */
  overlap?: 'allow' | 'skip'
  /** fire times that were missed by more than this are passed over */
  catchUpSeconds?: number
  enabled?: boolean
}

export type GivenModuleName = string

export type Gpu = {
  uuid: string
  name: string
  /**
   * bytes; 0: not known
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
  /** that its agents may serve; only of keys that agents can use */
  modules?: string[]
  /** whether reports of its agents count without approval; only of keys that agents can use */
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
  /** what that task read */
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
  /** what a configured worker calls it; found by this as well */
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
  /** of its tasks that do not say themselves */
  maxAttempts: number | null
  capabilities: {
    accepts: DataType[]
    returns: DataType[]
  }
  agents: ModuleOnAgent[]
  /** @default [] */
  awaitingApproval: AwaitingApproval[]
  /** newest first, at most 100; left out of lists */
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
  /** null: the agent has it no more */
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
   * it gets no tasks until POST …/approve lets it
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
  /** for whoever wonders */
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
  /** so many at once; default: a second of them */
  burst?: number
}

export type Readiness = {
  /** ok, or why not */
  mongodb: string
  /** ok, or why not */
  nats: string
  /** ok, or why not */
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
  /** of the HTTP request that its task came with */
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
  /** when left out, what the module says, else 3 */
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
  /** skip: not while the task before has not ended */
  overlap: 'allow' | 'skip'
  catchUpSeconds: number
  enabled: boolean
  /** null while it is paused */
  nextFireAt: string | null
  /** the next times, as they stand now */
  nextFires: string[]
  /** newest first */
  lastTasks: {
    taskId: TaskId
    fireAt: string
  }[]
  /** the last time that made no task, and why */
  lastSkip: {
    fireAt: string
    reason: string
  } | null
  /** times that made no task */
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
  /** when left out, what the module says, else 3 */
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
    /** runs that ended, of tasks that have ended, with their logs; null: as long as the task */
    runs: number | null
    /**
     * their logs alone, if they are to go before; null: with the run
     * @default null
     */
    logs: number | null
    /**
     * tasks that have ended, with all their runs; null: kept for ever
     * @default null
     */
    tasks: number | null
    /**
     * data that no task produced; null: kept for ever
     * @default null
     */
    uploads: number | null
    /**
     * data that a task produced; null: kept for ever
     * @default null
     */
    outputs: number | null
  }
}

export type SettingsPatch = {
  maxRunningTasks?: number
  /** null takes a limit away */
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
  /** left out of lists */
  result?: { [key: string]: Json } | null
  error: TaskError | null
  agentId: AgentId | null
  currentRun: RunId | null
  history: {
    status: TaskStatus
    attempt: number
    at: string
  }[]
  /** made with the token of this grant */
  grantId: GrantId | null
  /** of the HTTP request that it came with */
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
  /** runs that hold the places */
  running?: RunId[]
  agents?: {
    agentId: AgentId
    name: string
    running: number
    capacity: number | null
  }[]
  /** tasks that come first; counted up to 1,000 */
  ahead?: number
  /** until a place is free, by past runs of the module; null: there are none to go by */
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
  /** whsec_…, shown once: every delivery is signed with it */
  secret: string | null
}

export type WebhookEvent = 'task.succeeded' | 'task.failed' | 'task.cancelled' | 'task.skipped'

export type WebhookId = `whk_${string}`

export type WebhookPage = {
  items: Webhook[]
  nextCursor: string | null
}

export type WhyAnswer = {
  /** empty: it runs, or has ended */
  waitingFor: Waiting[]
}

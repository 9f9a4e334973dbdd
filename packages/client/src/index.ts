export { ApiError } from './api-error.ts'
export type { FileToUpload } from './calls/data.ts'
export type { BatchTaskToCreate, RunToCreate, TaskToCreate } from './calls/tasks.ts'
export { type Client, type ClientOptions, connect } from './client.ts'
export type {
  Agent,
  AgentId,
  AuditEntry,
  BrowserGrant,
  DataId,
  DataItem,
  Delivery,
  GrantCreated,
  GrantId,
  Json,
  Key,
  KeyCreated,
  KeyId,
  LineageAnswer,
  LogLine,
  Module,
  Progress,
  Run,
  RunAccepted,
  RunId,
  Schedule,
  ScheduleId,
  Settings,
  SettingsPatch,
  Summary,
  Task,
  TaskError,
  TaskFilter,
  TaskId,
  TaskStatus,
  Waiting,
  Webhook,
  WebhookCreated,
  WebhookId,
} from './contract.gen.ts'
export { fromData, fromOutput, fromRef, type Input } from './inputs.ts'
export { isTerminal } from './is-terminal.ts'
export type { Page } from './page.ts'
export type { Change, Following, TaskEvent } from './task-events.ts'
export { type UploadFileOptions, type UploadProgress, uploadFile } from './upload-file.ts'

export type {
  Agent,
  AuditEntry,
  DataId,
  DataItem,
  Delivery,
  LogLine,
  Module,
  Run,
  RunId,
  Schedule,
  Settings,
  Summary,
  Task,
  TaskId,
  Webhook,
  WebhookId,
} from '@millrace/shared'
export { isTerminal } from '@millrace/shared/for-clients'
export { ApiError } from './api-error.ts'
export type { FileToUpload } from './calls/data.ts'
export type { BatchTaskToCreate, RunToCreate, TaskToCreate } from './calls/tasks.ts'
export { type Client, type ClientOptions, connect } from './client.ts'
export { fromData, fromOutput, fromRef, type Input } from './inputs.ts'
export type { Change, Following, TaskEvent } from './task-events.ts'
export { type UploadFileOptions, type UploadProgress, uploadFile } from './upload-file.ts'

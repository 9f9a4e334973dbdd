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
export { isTerminal } from '@millrace/shared'
export { ApiError } from './api-error.ts'
export {
  type BatchTaskToCreate,
  type Client,
  type ClientOptions,
  connect,
  type FileToUpload,
  type TaskToCreate,
} from './client.ts'
export { fromData, fromOutput, fromRef, type Input } from './inputs.ts'
export type { Change, Following, TaskEvent } from './task-events.ts'
export { type UploadFileOptions, type UploadProgress, uploadFile } from './upload-file.ts'

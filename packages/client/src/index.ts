export type {
  Agent,
  DataId,
  DataItem,
  LogLine,
  Module,
  Run,
  RunId,
  Settings,
  Summary,
  Task,
  TaskId,
} from '@millrace/shared'
export { isTerminal } from '@millrace/shared'
export { ApiError } from './api-error.ts'
export { type Client, type ClientOptions, connect, type FileToUpload, type TaskToCreate } from './client.ts'
export { fromData, fromOutput, type Input } from './inputs.ts'
export type { Change, Following, TaskEvent } from './task-events.ts'
export { type UploadFileOptions, type UploadProgress, uploadFile } from './upload-file.ts'

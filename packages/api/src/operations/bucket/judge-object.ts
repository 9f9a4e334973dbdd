import { type DataId, isTerminal, logOutput, parseRunId, type RunId, type TaskId } from '@millrace/shared'
import { placeOf } from '../../objects/keys.ts'
import type { OpenUpload } from '../../objects/multipart.ts'
import type { ListedObject } from '../../objects/objects.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { uploadLifetimeMs } from '../data/multipart-upload.ts'

/** What the database knows of the keys in question. */
export type Known = {
  /** Keys that some item names as its object. */
  named: ReadonlySet<string>
  items: ReadonlyMap<DataId, DataDoc>
  tasks: ReadonlyMap<TaskId, TaskDoc>
  /** Those that have a log, or may come to have one. */
  runs: ReadonlySet<RunId>
}
export type Verdict = 'kept' | 'too young' | 'garbage'

/**
 * How long a client may still write under a key, or an item may come to name it: an upload lives for a day, a repeated
 * request may create the same item for another day, and the last URL of that is valid for an hour.
 */
export const safeAgeMs = uploadLifetimeMs + 3600 * 1000

/** Decides on an object. Objects of other programs always stay. */
export function judgeObject({ key, lastModified }: ListedObject, known: Known, now: Date): Verdict {
  const place = placeOf(key)
  if (!place || known.named.has(key)) return 'kept'
  const isWanted =
    place.kind === 'incoming'
      ? isAwaited(known.items.get(place.item), place.upload)
      : isOfRun(known, place.run, place.output)
  if (isWanted) return 'kept'
  return now.getTime() - lastModified.getTime() < safeAgeMs ? 'too young' : 'garbage'
}

/** The object of the newest URL of a current upload. A deletion removes all objects of its item itself. */
function isAwaited(item: DataDoc | undefined, upload: number): boolean {
  if (!item) return false
  if (item.status === 'removing') return true
  const isOpen = item.status === 'uploading' || (item.status === 'deleting' && item.before === 'uploading')
  return isOpen && upload >= item.uploads
}

/** An unfinished task may still name any file of its runs; after its end only logs stay unnamed. */
function isOfRun({ tasks, runs }: Known, run: RunId, output: string): boolean {
  const task = tasks.get(parseRunId(run).task)
  if (task && (!isTerminal(task.status) || task.settle !== null)) return true
  return output === logOutput && runs.has(run)
}

/** Whether to abort a multipart upload: its item does not continue it. Uploads of other programs always stay. */
export function isAbandoned(
  { key, uploadId, beganAt }: OpenUpload,
  items: ReadonlyMap<DataId, DataDoc>,
  now: Date,
): boolean {
  const place = placeOf(key)
  if (place?.kind !== 'incoming' || now.getTime() - beganAt.getTime() < safeAgeMs) return false
  const item = items.get(place.item)
  return !isAwaited(item, place.upload) || item?.multipart?.uploadId !== uploadId
}

import { type DataId, isTerminal, logOutput, parseRunId, type RunId, type TaskId } from '@millrace/shared'
import { placeOf } from '../../objects/keys.ts'
import type { OpenUpload } from '../../objects/multipart.ts'
import type { ListedObject } from '../../objects/objects.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { uploadLifetimeMs } from '../data/multipart-upload.ts'

/** What the database knows of the keys that are judged. */
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
 * As long as something may still be written under a key, or begin to count: an upload lives for a day, and for a
 * day a request may be repeated, which makes the same item again. The last URL given out then is good for an hour.
 */
export const safeAgeMs = uploadLifetimeMs + 3600 * 1000

/** What becomes of an object. What was not put there by Millrace is never touched. */
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

/** What came by the newest URL of an upload that goes on. A deletion takes all of its item's objects itself. */
function isAwaited(item: DataDoc | undefined, upload: number): boolean {
  if (!item) return false
  if (item.status === 'removing') return true
  const isOpen = item.status === 'uploading' || (item.status === 'deleting' && item.before === 'uploading')
  return isOpen && upload >= item.uploads
}

/** A task that has not ended may come to name any of its runs' files; after its end only logs stay unnamed. */
function isOfRun({ tasks, runs }: Known, run: RunId, output: string): boolean {
  const task = tasks.get(parseRunId(run).task)
  if (task && (!isTerminal(task.status) || task.settle !== null)) return true
  return output === logOutput && runs.has(run)
}

/** An upload in parts whose item does not go on with it. What was not begun by Millrace is never touched. */
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

import { ApiRefused } from '../http/failures.ts'
import { UploadImpossible } from './upload.ts'

/** What to do with a spooled result after a try to report it that failed. */
export type Next =
  | 'try_again'
  /** The store does not have what the result names. */
  | 'upload_again'
  /** The API will never take this result as it is. */
  | 'replace_by_bad_output'
  /** Its files cannot be brought to the store. */
  | 'replace_by_upload_failed'

/** Only our own 422 and 413 say that the result itself is at fault; after all else it is kept and sent again. */
export function afterFailure(error: unknown): Next {
  if (error instanceof UploadImpossible) return 'replace_by_upload_failed'
  if (!(error instanceof ApiRefused) || error.code === null) return 'try_again'
  if (error.status === 422 || (error.status === 413 && error.code === 'payload_too_large'))
    return 'replace_by_bad_output'
  if (error.code === 'upload_incomplete' || error.code === 'upload_mismatch') return 'upload_again'
  return 'try_again'
}

import { ApiRefused } from '../http/failures.ts'
import { UploadImpossible } from './upload.ts'

/** The next step for a spooled result after a failed report. */
export type Next =
  | 'try_again'
  /** The store lacks files that the result names. */
  | 'upload_again'
  /** The API will never accept this result. */
  | 'replace_by_bad_output'
  /** Its files cannot be uploaded. */
  | 'replace_by_upload_failed'

/** Only the API's 422 and 413 mean that the result is at fault; after every other failure it is kept and sent again. */
export function afterFailure(error: unknown): Next {
  if (error instanceof UploadImpossible) return 'replace_by_upload_failed'
  if (!(error instanceof ApiRefused) || error.code === null) return 'try_again'
  if (error.status === 422 || (error.status === 413 && error.code === 'payload_too_large'))
    return 'replace_by_bad_output'
  if (error.code === 'upload_incomplete' || error.code === 'upload_mismatch') return 'upload_again'
  return 'try_again'
}

import type { Json, TaskError } from '@millrace/shared/for-agents'
import type { Mask } from '../log/secrets.ts'

/** Masks secrets, also in the detail: a traceback may contain given values. */
export function maskedError(error: TaskError, mask: Mask): TaskError {
  const detail = error.detail && maskedJson(error.detail, mask)
  return { ...error, message: mask(error.message), ...(detail ? { detail } : {}) }
}

function maskedJson(detail: Record<string, Json>, mask: Mask): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [key, typeof value === 'string' ? mask(value) : value]),
  )
}

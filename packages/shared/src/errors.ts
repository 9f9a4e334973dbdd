import { z } from 'zod'

/** Every problem code that a client can receive, with its status and title. */
export const problems = {
  invalid_json: [400, 'The body is not valid JSON'],
  unauthorized: [401, 'A valid API key is needed'],
  forbidden: [403, 'The key may not do this'],
  not_found: [404, 'Not found'],
  method_not_allowed: [405, 'The path does not take this method'],
  conflict: [409, 'The state does not allow this'],
  upload_incomplete: [409, 'The bytes have not arrived'],
  upload_mismatch: [409, 'The bytes do not match the declaration'],
  upload_finished: [409, 'The upload is already finished'],
  data_in_use: [409, 'An unfinished task needs this data'],
  inline_value: [409, 'The item is an inline value, not a file'],
  already_finished: [409, 'The task has already ended'],
  not_finished: [409, 'The task has not ended'],
  at_capacity: [409, 'The limit of running tasks is reached'],
  agent_connected: [409, 'A live process already uses this agent id'],
  session_replaced: [409, 'Another process took over this agent'],
  session_expired: [409, 'The session has ended'],
  idempotency_in_progress: [409, 'The first request with this key is still in flight'],
  payload_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The body must be JSON'],
  invalid_request: [422, 'The request is not valid'],
  module_not_found: [422, 'No such module'],
  data_not_available: [422, 'The data is not available'],
  ambiguous_input: [422, 'The input could be a reference or a value'],
  idempotency_mismatch: [422, 'The key was used with another body'],
  cycle: [422, 'The tasks wait for each other'],
  rate_limited: [429, 'Too many requests'],
  internal: [500, 'Internal error'],
  unavailable: [503, 'A server this needs is away'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof problems

/** RFC 9457 problem details with our `code`, `requestId` and field errors. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ path: z.string().describe('JSON Pointer'), message: z.string() })).optional(),
})
export type Problem = z.infer<typeof Problem>

/** Exit codes; `bad` only when the checked module fails, never for a usage error. */
export const exitCodes = { good: 0, bad: 1, usage: 2, interrupted: 130 } as const

/** A usage error; the message says what to change. */
export class UsageFault extends Error {
  override name = 'UsageFault'
}

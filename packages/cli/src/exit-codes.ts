/** How the command ends; `bad` only when what was checked is not good, never for a mistake of the caller. */
export const exitCodes = { good: 0, bad: 1, usage: 2, interrupted: 130 } as const

/** The command cannot be carried out as it was given: the message says what to change. */
export class UsageFault extends Error {
  override name = 'UsageFault'
}

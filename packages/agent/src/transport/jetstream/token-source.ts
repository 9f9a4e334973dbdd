/** "This module has ready work." The agent that takes it claims from the API; the token itself names no task. */
export type Token = {
  module: string
  /** Counts the deliveries of this module's tokens, over all agents. */
  delivery: number
  /** Tokens of this module that waited on the server when this one was delivered. */
  waitingBehind: number
  /** Handled: it is not delivered again. */
  ack(): void
  /** Not for this agent: another one gets it at once. */
  nak(): void
}

/** Where tokens come from. */
export type TokenSource = {
  /**
   * Waits for one token of a module. `null` when the signal ended the wait or it lapsed; a token that comes
   * after the signal goes back. Throws when there is nothing to wait on yet.
   */
  next(module: string, signal: AbortSignal): Promise<Token | null>
}

/** A dispatch token: "this module has ready work". The agent that receives it claims from the API; it names no task. */
export type Token = {
  module: string
  /** The number of the delivery among this module's tokens, over all agents. */
  delivery: number
  /** Tokens of this module that waited on the server when this one was delivered. */
  waitingBehind: number
  /** Acknowledges the token; NATS does not deliver it again. */
  ack(): void
  /** Returns the token; another agent gets it immediately. */
  nak(): void
}

/** The source of tokens. */
export type TokenSource = {
  /**
   * Waits for one token of a module. `null` when the signal or a timeout ended the wait; a token that arrives after the
   * signal is returned. Throws while the module has no consumer.
   */
  next(module: string, signal: AbortSignal): Promise<Token | null>
}

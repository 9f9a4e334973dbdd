import type {
  AgentCommand,
  ClaimAnswer,
  LogBatch,
  Offer,
  RegisterAnswer,
  RunId,
} from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Assignment } from '../signals/agent-signals.ts'

/** How work and commands reach an agent, and how it sends live lines. One adapter per folder. */
export type Transport = {
  /** The agent is registered, perhaps again. Before that the transport sends nothing. */
  begin(answer: RegisterAnswer): void
  /** Work or room may exist that nothing else announces: other programs freed memory, or modules changed. */
  capacityChanged(): void
  /** A run ended. */
  runEnded(): void
  /** The API answers again after an outage: pending requests may hang on a dead connection. */
  apiIsBack(): void
  /** Whether live lines can be sent now; until then they wait. */
  isOpen(): boolean
  /** Sends live lines, best effort and within seconds; `false`: not sent. */
  publishLog(run: RunId, batch: LogBatch): Promise<boolean>
  /** Open connections may be dead: reconnects, and repeats the requests that waited on them. */
  reconnect(): void
  /** Stops claiming; resolves when the claim in flight is answered. */
  stopClaiming(): Promise<void>
  close(): Promise<void>
}

export type ClaimDeps = {
  offers(): Offer[]
  /**
   * One claim, which waits `waitSeconds` for work; the same id gets the same answer. Throws without a definite answer.
   */
  ask(claimId: string, offers: Offer[], waitSeconds: number, signal: AbortSignal): Promise<ClaimAnswer | null>
  /** Whether a retry cannot help. */
  isDefinite(error: unknown): boolean
  onGrant(assignment: Assignment): void
  /** A more urgent task than those that fit waits for room. */
  onReserve(reserve: NonNullable<ClaimAnswer['reserve']>): void
  logger: Logger
  /** The end: aborts all requests in flight. */
  signal: AbortSignal
}

export type TransportDeps = ClaimDeps & {
  /** The agent's name for people. */
  name: string
  /** Sends live lines through the API. */
  sendLines(run: RunId, batch: LogBatch, signal: AbortSignal): Promise<unknown>
  onCommand(command: AgentCommand): void
}

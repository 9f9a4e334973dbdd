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

/** How an agent hears of work and of commands, and how its live lines get out. One adapter per folder. */
export type Transport = {
  /** The agent is registered, perhaps again. Before that nothing is asked or sent. */
  begin(answer: RegisterAnswer): void
  /** There may be work, or room for it, that nothing else announces: other programs made way, a module came or went. */
  capacityChanged(): void
  /** A run ended. */
  runEnded(): void
  /** The API answers again after it was away: what was asked of it may hang on a connection that is dead. */
  apiIsBack(): void
  /** Whether live lines have a chance now; while not, they had better wait. */
  isOpen(): boolean
  /** Sends live lines, best effort and within seconds; `false`: they did not get out. */
  publishLog(run: RunId, batch: LogBatch): Promise<boolean>
  /** Connections that look open may be dead: reconnects, and repeats what waited on them. */
  reconnect(): void
  /** Asks for no more work; resolves when the claim in flight was answered. */
  stopClaiming(): Promise<void>
  close(): Promise<void>
}

export type ClaimDeps = {
  offers(): Offer[]
  /**
   * One claim, which waits `waitSeconds` for work; repeated with the same id it answers the same. Throws when nothing
   * definite came back.
   */
  ask(claimId: string, offers: Offer[], waitSeconds: number, signal: AbortSignal): Promise<ClaimAnswer | null>
  /** Whether asking the same again cannot help. */
  isDefinite(error: unknown): boolean
  onGrant(assignment: Assignment): void
  /** Something more urgent than all that fits waits for room. */
  onReserve(reserve: NonNullable<ClaimAnswer['reserve']>): void
  logger: Logger
  /** The end: what is in flight is given up, answered or not. */
  signal: AbortSignal
}

export type TransportDeps = ClaimDeps & {
  /** By which the agent is known to people. */
  name: string
  /** Sends live lines through the API. */
  sendLines(run: RunId, batch: LogBatch, signal: AbortSignal): Promise<unknown>
  onCommand(command: AgentCommand): void
}

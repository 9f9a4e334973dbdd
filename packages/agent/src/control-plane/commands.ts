import type { AgentCommand, RunId } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { AgentSignals } from '../signals/agent-signals.ts'

export type CommandDeps = {
  cancel(run: RunId): void
  /** Operators pause or resume this agent. */
  rest(kind: 'paused' | 'draining' | null): void
  scan(): void
  retry(module: string): void
  test(module: string): void
  signals: Pick<AgentSignals, 'commanded'>
  logger: Logger
}

const remembered = 1000
const restAfter = { pause: 'paused', drain: 'draining', resume: null } as const

/** Executes each command of the API once, whether it arrives over NATS, in a heartbeat's answer, or both. */
export class Commands {
  readonly #deps: CommandDeps
  readonly #seen = new Set<string>()
  #done: string[] = []

  constructor(deps: CommandDeps) {
    this.#deps = deps
    deps.signals.commanded.subscribe('commands', (command) => this.#carryOut(command))
  }

  /** Ids of executed commands that are not yet reported to the API. */
  get done(): string[] {
    return [...this.#done]
  }

  /** The API has recorded the execution of these. */
  acknowledge(ids: string[]): void {
    this.#done = this.#done.filter((id) => !ids.includes(id))
  }

  #carryOut(command: AgentCommand): void {
    if (command.kind === 'cancel') {
      this.#deps.cancel(command.run)
      return
    }
    if (!this.#done.includes(command.id)) this.#done.push(command.id)
    if (this.#seen.has(command.id)) return
    this.#remember(command.id)
    this.#deps.logger.info({ command: command.kind, id: command.id }, 'executing a command')
    this.#act(command)
  }

  #act(command: Exclude<AgentCommand, { kind: 'cancel' }>): void {
    const { kind } = command
    if (kind === 'scan') this.#deps.scan()
    else if (kind === 'retry') this.#deps.retry(command.module)
    else if (kind === 'test') this.#deps.test(command.module)
    else this.#deps.rest(restAfter[kind])
  }

  #remember(id: string): void {
    this.#seen.add(id)
    if (this.#seen.size <= remembered) return
    const [oldest] = this.#seen
    if (oldest !== undefined) this.#seen.delete(oldest)
  }
}

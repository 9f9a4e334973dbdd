import { AgentCommand, type AgentId, commandSubject } from '@millrace/shared/for-agents'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger } from 'pino'

/** Receives this agent's commands while the connection is up. Lost ones arrive by heartbeat. */
export function listen(
  connection: NatsConnection,
  agent: AgentId,
  onCommand: (command: AgentCommand) => void,
  logger: Logger,
): void {
  connection.subscribe(commandSubject(agent), {
    callback: (error, message) => {
      if (error) logger.warn({ err: error }, 'receiving commands failed')
      else obey(message.string())
    },
  })

  function obey(text: string): void {
    try {
      onCommand(AgentCommand.parse(JSON.parse(text)))
    } catch (err) {
      logger.warn({ err }, 'ignoring an invalid command')
    }
  }
}

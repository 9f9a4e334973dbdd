import type { AgentId } from '@millrace/shared/for-agents'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Transport, TransportDeps } from '../transport.ts'
import { FindWork } from './find-work.ts'
import { listen } from './listen.ts'
import { NatsLink } from './nats-link.ts'
import { publishLog } from './publish-log.ts'

/** The transport over JetStream: dispatch tokens, commands and live lines. Without NATS it polls with claims. */
export function jetstreamTransport(deps: TransportDeps): Transport {
  const { name, logger } = deps
  let agent: AgentId | null = null
  const work = new FindWork(deps)
  const nats = new NatsLink({ name, logger, onUp, onDown: () => work.connected(null) })

  /** Once per connection; after an interruption the client resumes by itself. */
  async function onUp(connection: NatsConnection, isNew: boolean): Promise<void> {
    if (isNew && agent) listen(connection, agent, deps.onCommand, logger)
    const { jetstreamTokens } = await import('./jetstream-tokens.ts')
    work.connected(jetstreamTokens(connection))
    // Tokens lost with the connection return only after their acknowledgement timeout.
    work.capacityChanged()
  }

  return {
    begin(answer) {
      agent = answer.agentId
      nats.use(answer.nats)
    },
    capacityChanged: () => work.capacityChanged(),
    runEnded: () => work.runEnded(),
    apiIsBack: () => work.capacityChanged(),
    isOpen: () => nats.current !== null && agent !== null,
    publishLog: async (run, batch) =>
      nats.current && agent ? publishLog(nats.current, { agent, run }, batch, logger) : false,
    reconnect: () => nats.reconnect(),
    stopClaiming: () => work.close(),
    close: () => nats.close(),
  }
}

import { workStream } from '@millrace/shared/for-agents'
import { type Consumer, type JsMsg, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Token, TokenSource } from './token-source.ts'

const pullMs = 60_000

/**
 * Tokens from the `WORK` stream, over one long pull per call. Touches only what the agents' NATS user may:
 * `CONSUMER.INFO`, `CONSUMER.MSG.NEXT` and acks.
 */
export function jetstreamTokens(connection: NatsConnection): TokenSource {
  const client = jetstream(connection)
  const consumers = new Map<string, Consumer>()

  async function consumerOf(module: string): Promise<Consumer> {
    const known = consumers.get(module)
    if (known) return known
    const consumer = await client.consumers.get(workStream, module)
    consumers.set(module, consumer)
    return consumer
  }

  return {
    async next(module, signal) {
      const consumer = await consumerOf(module)
      if (signal.aborted) return null
      try {
        return await pull(consumer, module, signal)
      } catch (error) {
        // It may have been recreated: look it up again next time.
        consumers.delete(module)
        throw error
      }
    },
  }
}

async function pull(consumer: Consumer, module: string, signal: AbortSignal): Promise<Token | null> {
  const messages = await consumer.fetch({ max_messages: 1, expires: pullMs })
  const stop = () => messages.stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    let token: Token | null = null
    for await (const message of messages) {
      if (signal.aborted || token) message.nak()
      else token = asToken(module, message)
    }
    return token
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function asToken(module: string, message: JsMsg): Token {
  const { deliverySequence, pending } = message.info
  return {
    module,
    delivery: deliverySequence,
    waitingBehind: pending,
    ack: () => message.ack(),
    nak: () => message.nak(),
  }
}

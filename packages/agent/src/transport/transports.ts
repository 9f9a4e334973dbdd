import type { AgentSignals } from '../signals/agent-signals.ts'
import { httpTransport } from './http/http-transport.ts'
import { jetstreamTransport } from './jetstream/jetstream-transport.ts'
import type { Transport, TransportDeps } from './transport.ts'

export type { Transport } from './transport.ts'

/** By the name in `MILLRACE_QUEUE`. */
export const transports = { jetstream: jetstreamTransport, http: httpTransport } satisfies Record<
  string,
  (deps: TransportDeps) => Transport
>

export const transportNames = ['jetstream', 'http'] as const satisfies (keyof typeof transports)[]

export type OpenTransportDeps = Omit<TransportDeps, 'onGrant' | 'onReserve' | 'onCommand'> & {
  signals: AgentSignals
}

/** Opens a transport that listens to the agent's signals, and emits those from outside. */
export function openTransport(name: keyof typeof transports, deps: OpenTransportDeps): Transport {
  const { signals } = deps
  const transport = transports[name]({
    ...deps,
    onGrant: (assignment) => signals.assigned.emit(assignment),
    onReserve: (wanted) => signals.roomWanted.emit(wanted),
    onCommand: (command) => signals.commanded.emit(command),
  })
  signals.registered.subscribe('transport', (answer) => transport.begin(answer))
  signals.capacityChanged.subscribe('transport', () => transport.capacityChanged())
  signals.runEnded.subscribe('transport', () => transport.runEnded())
  signals.apiIsBack.subscribe('transport', () => transport.apiIsBack())
  signals.machineWoke.subscribe('transport', () => transport.reconnect())
  return transport
}

import { httpTransport } from './http/http-transport.ts'
import { jetstreamTransport } from './jetstream/jetstream-transport.ts'
import type { Transport, TransportDeps } from './transport.ts'

/** By the name in `MILLRACE_QUEUE`. */
export const transports = { jetstream: jetstreamTransport, http: httpTransport } satisfies Record<
  string,
  (deps: TransportDeps) => Transport
>

export const transportNames = ['jetstream', 'http'] as const satisfies (keyof typeof transports)[]

import { httpWay } from './http/http-transport.ts'
import { jetstreamWay } from './jetstream/jetstream-transport.ts'
import type { Way, WayDeps } from './transport.ts'

/** By the name in `MILLRACE_QUEUE`. */
export const ways = { jetstream: jetstreamWay, http: httpWay } satisfies Record<
  string,
  (deps: WayDeps) => Way
>

export const wayNames = ['jetstream', 'http'] as const satisfies (keyof typeof ways)[]

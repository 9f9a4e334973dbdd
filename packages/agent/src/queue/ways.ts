import { httpWay } from './http/http-way.ts'
import { jetstreamWay } from './jetstream/jetstream-way.ts'
import type { Way, WayDeps } from './way.ts'

/** By the name in `MILLRACE_QUEUE`. */
export const ways = { jetstream: jetstreamWay, http: httpWay } satisfies Record<
  string,
  (deps: WayDeps) => Way
>

export const wayNames = ['jetstream', 'http'] as const satisfies (keyof typeof ways)[]

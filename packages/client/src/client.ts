import { plainHttpWarning, reachOf } from '@millrace/shared/for-clients'
import { type Api, openApi } from './api.ts'
import { accessCalls } from './calls/access.ts'
import { agentCalls } from './calls/agents.ts'
import { dataCalls } from './calls/data.ts'
import { installationCalls } from './calls/installation.ts'
import { moduleCalls } from './calls/modules.ts'
import { runCalls } from './calls/runs.ts'
import { scheduleCalls } from './calls/schedules.ts'
import { taskCalls } from './calls/tasks.ts'
import { webhookCalls } from './calls/webhooks.ts'

export type ClientOptions = { url: string; key: string; fetch?: typeof fetch }
/** Named part by part, since declarations of a spread lose the comments of its methods. */
export type Client = {
  /** Any request that has no method here. */
  send: Api['send']
} & ReturnType<typeof dataCalls> &
  ReturnType<typeof taskCalls> &
  ReturnType<typeof runCalls> &
  ReturnType<typeof moduleCalls> &
  ReturnType<typeof agentCalls> &
  ReturnType<typeof scheduleCalls> &
  ReturnType<typeof webhookCalls> &
  ReturnType<typeof accessCalls> &
  ReturnType<typeof installationCalls>

/** A client of one installation. Every method throws `ApiError` with the problem's code when it is refused. */
export function connect({ url, key, fetch }: ClientOptions): Client {
  const api = openApi({ url, key, fetch })
  warnOfPlainHttp(api.base)
  return {
    send: api.send,
    ...dataCalls(api),
    ...taskCalls(api),
    ...runCalls(api),
    ...moduleCalls(api),
    ...agentCalls(api),
    ...scheduleCalls(api),
    ...webhookCalls(api),
    ...accessCalls(api),
    ...installationCalls(api),
  }
}

/** Once for each address: in a private network that may be what is wanted, on the open internet it hardly ever is. */
function warnOfPlainHttp(url: string): void {
  if (warnedOf.has(url) || !URL.canParse(url) || reachOf(url) !== 'open') return
  warnedOf.add(url)
  const warning = plainHttpWarning(url)
  if (warning) console.warn(warning)
}

const warnedOf = new Set<string>()

import { createAgentApi } from './agent-api.ts'
import { ApiClock } from './api-clock.ts'
import { Session, type SessionDeps } from './session.ts'

export type ControlPlaneOptions = Omit<SessionDeps, 'api'> & { url: string; key: string }

/** The control plane of this process: calls under the current session, and the API's time. */
export function openControlPlane({ url, key, ...deps }: ControlPlaneOptions) {
  const clock = new ApiClock(deps.logger)
  const api = createAgentApi({ url, key, clock })
  const session = new Session({ ...deps, api })
  return { clock, session, calls: api.under((send) => session.call(send)) }
}

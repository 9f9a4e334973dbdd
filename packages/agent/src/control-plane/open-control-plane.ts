import { createAgentApi } from './agent-api.ts'
import { ApiClock } from './api-clock.ts'
import { Session, type SessionDeps } from './session.ts'
import { underSession } from './under-session.ts'

export type ControlPlaneOptions = Omit<SessionDeps, 'api'> & { url: string; key: string }

/** The API as this process sees it: its calls under the current session, and its time. */
export function openControlPlane({ url, key, ...deps }: ControlPlaneOptions) {
  const clock = new ApiClock(deps.logger)
  const plain = createAgentApi({ url, key })
  const api = {
    ...plain,
    register: clock.timed(plain.register),
    heartbeat: clock.timed(plain.heartbeat),
  }
  const session = new Session({ ...deps, api })
  return { clock, session, calls: underSession(api, (send) => session.call(send)) }
}

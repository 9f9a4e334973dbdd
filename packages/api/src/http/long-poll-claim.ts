import { randomUUID } from 'node:crypto'
import { type ClaimAnswer, claimEvent, moduleEvent } from '@millrace/shared'
import type { Ports } from '../ports.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import { longPoll } from './long-poll.ts'

type Asked = {
  /** The agent, while the session of the request lasts; throws when it has ended. */
  agent(): Promise<AgentDoc>
  modules: readonly string[]
  seconds: number
  /** Aborted when the agent disconnects. Expensive, so only a waiting claim uses it. */
  gone(): AbortSignal
}

/**
 * Waits for an assignment until the time is up; a reservation does not end the wait. An agent sends one claim at a time: a
 * newer one of the same agent, at any process, ends this wait. So a request whose connection failed unnoticed takes no
 * task that would be lost.
 */
export async function longPollClaim(
  ports: Ports,
  { agent, modules, seconds, gone }: Asked,
  look: (asking: Promise<AgentDoc>) => Promise<ClaimAnswer | null>,
): Promise<ClaimAnswer | null> {
  if (seconds <= 0) return look(agent())
  const asked = claimEvent((await agent())._id)
  const own = `${newer}${randomUUID()}`
  const superseded = new AbortController()
  let last: ClaimAnswer | null = null
  ports.bus.announce(asked, own)
  const found = await longPoll(
    ports.bus,
    {
      subjects: [asked, ...new Set(modules.map(moduleEvent))],
      seconds,
      signal: AbortSignal.any([gone(), superseded.signal]),
      matters: (heard) => {
        if (heard.startsWith(newer) && heard !== own) superseded.abort()
        return heard !== own
      },
    },
    async () => {
      last = await look(agent())
      return last?.grant ? last : undefined
    },
  )
  return found ?? last
}

/** Distinguishes announcements of claims from those of modules. */
const newer = 'claim:'

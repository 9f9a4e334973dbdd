import { randomUUID } from 'node:crypto'
import { type ClaimAnswer, claimEvent, moduleEvent } from '@millrace/shared'
import type { Ports } from '../ports.ts'
import type { AgentDoc } from '../store/documents/agent.ts'
import { longPoll } from './long-poll.ts'

type Asked = {
  /** The agent, as long as the session lives under which it asks; throws from then on. */
  agent(): Promise<AgentDoc>
  modules: readonly string[]
  seconds: number
  /** Tells when the agent hung up; asking for it is dear, and who does not wait need not. */
  gone(): AbortSignal
}

/**
 * Looks for work until there is a grant or the time is over; what is only kept room for is no end of the wait.
 * An agent asks one question at a time: a newer one of the same agent, at whatever process, ends this wait. So a
 * request whose connection broke unseen takes nothing that nobody would hear of.
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
  const grant = await longPoll(
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
  return grant ?? last
}

/** Marks what is announced of a claim among what is announced of modules. */
const newer = 'claim:'

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AgentId, SessionId } from '@millrace/shared/for-agents'
import { ifExists, writeAtomically } from '@millrace/std/fs'
import { z } from 'zod'

const Identity = z.object({ agentId: AgentId.optional(), lastSessionId: SessionId.optional() })
/** Who this agent is to the API, and its last session, which a successor names. */
export type Identity = z.infer<typeof Identity>

const fileIn = (home: string): string => join(home, 'agent.json')

/** Reads `agent.json`; a home without one is a new agent's. A damaged one is an error: guessing loses the id. */
export async function readIdentity(home: string): Promise<Identity> {
  const text = await ifExists(readFile(fileIn(home), 'utf8'))
  if (text === null) return {}
  try {
    return Identity.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`${fileIn(home)} is damaged; remove it to start as a new agent`, { cause })
  }
}

export async function writeIdentity(home: string, identity: Identity): Promise<void> {
  await writeAtomically(fileIn(home), `${JSON.stringify(identity)}\n`)
}

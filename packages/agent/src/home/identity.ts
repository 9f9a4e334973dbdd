import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AgentId, SessionId } from '@millrace/shared/for-agents'
import { ifExists, writeAtomically } from '@millrace/std/fs'
import { z } from 'zod'

const Identity = z.object({ agentId: AgentId.optional(), lastSessionId: SessionId.optional() })
/** The agent's id at the API, and its last session, which its next process names. */
export type Identity = z.infer<typeof Identity>

const fileIn = (home: string): string => join(home, 'agent.json')

/** Reads `agent.json`; a home without one belongs to a new agent. A damaged file is an error, so that the id is not lost. */
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

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AgentRest } from '@millrace/shared/for-agents'
import { ifExists, writeAtomically } from '@millrace/std/fs'
import { z } from 'zod'
import type { PauseWish } from './pause-controller.ts'

const Kept = AgentRest.extend({ makesWay: z.boolean() })
const fileIn = (home: string): string => join(home, 'pause.json')

/** What the owner asked for in an earlier life of the agent, if it still lasts. An unreadable file asks for nothing. */
export async function readOwnerPause(home: string, now = Date.now()): Promise<PauseWish | null> {
  const text = await ifExists(readFile(fileIn(home), 'utf8'))
  if (text === null) return null
  try {
    const wish = Kept.parse(JSON.parse(text))
    return wish.until !== null && new Date(wish.until).getTime() <= now ? null : wish
  } catch {
    return null // cut off in the middle, or edited by hand: to work is what an agent is for
  }
}

/** A pause outlives the process: a machine that is started again must not work behind its owner's back. */
export async function keepOwnerPause(home: string, wish: PauseWish | null): Promise<void> {
  if (wish) await writeAtomically(fileIn(home), JSON.stringify(wish))
  else await rm(fileIn(home), { force: true })
}

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AgentRest } from '@millrace/shared/for-agents'
import { ifExists, writeAtomically } from '@millrace/std/fs'
import { z } from 'zod'
import type { PauseWish } from './pause-controller.ts'

const Kept = AgentRest.extend({ makesWay: z.boolean() })
const fileIn = (home: string): string => join(home, 'pause.json')

/** The pause that the owner set in an earlier process, if still valid. An unreadable file means none. */
export async function readOwnerPause(home: string, now = Date.now()): Promise<PauseWish | null> {
  const text = await ifExists(readFile(fileIn(home), 'utf8'))
  if (text === null) return null
  try {
    const wish = Kept.parse(JSON.parse(text))
    return wish.until !== null && new Date(wish.until).getTime() <= now ? null : wish
  } catch {
    return null // truncated or edited by hand: an agent works by default
  }
}

/** A pause survives the process: after a restart the machine must not work against its owner's wish. */
export async function keepOwnerPause(home: string, wish: PauseWish | null): Promise<void> {
  if (wish) await writeAtomically(fileIn(home), JSON.stringify(wish))
  else await rm(fileIn(home), { force: true })
}

import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Identity, identify, isAlive } from './identity.ts'

export type Holder = Identity & { since: string }
export type Lock = { release(): Promise<void> }

/** Takes the lock, or says who has it. A lock whose holder died is free. */
export async function takeLock(file: string): Promise<Lock | { heldBy: Holder }> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const own = `${file}.${randomUUID()}`
  const holder = { ...identify(process.pid), since: new Date().toISOString() }
  await writeFile(own, JSON.stringify(holder), { mode: 0o600 })
  try {
    for (;;) {
      // A link either appears whole, with its content, or not at all.
      if (await linked(own, file)) return { release: () => rm(file, { force: true }) }
      const heldBy = await readHolder(file)
      if (heldBy && isAlive(heldBy)) return { heldBy }
      if (heldBy) await removeStale(file, heldBy)
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** Who holds the lock, if somebody alive does. */
export async function holderOf(file: string): Promise<Holder | undefined> {
  const holder = await readHolder(file)
  return holder && isAlive(holder) ? holder : undefined
}

/** Moves the dead holder's file away; puts it back when another process was quicker and it is a new one. */
async function removeStale(file: string, dead: Holder): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  const moved = await readHolder(aside)
  if (moved && (moved.pid !== dead.pid || moved.started !== dead.started)) await linked(aside, file)
  await rm(aside, { force: true })
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

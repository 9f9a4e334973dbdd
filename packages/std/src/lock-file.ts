import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode, ifExists } from './if-exists.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

export type Holder = ProcessIdentity & { since: string }
export type Lock = { release(): Promise<void> }

/** Takes the lock, or says who has it. A lock whose holder died is free. */
export async function takeLock(file: string): Promise<Lock | { heldBy: Holder }> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const own = `${file}.${randomUUID()}`
  const holder = { pid: process.pid, started: '', ...identify(process.pid), since: new Date().toISOString() }
  await writeFile(own, JSON.stringify(holder), { mode: 0o600 })
  try {
    for (;;) {
      // A link either appears whole, with its content, or not at all.
      if (await linked(own, file)) return { release: () => rm(file, { force: true }) }
      const heldBy = await readHolder(file)
      if (heldBy && isAlive(heldBy)) return { heldBy }
      if (heldBy) await removeStale(file)
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** The live process that holds the lock, if one does. */
export async function holderOf(file: string): Promise<Holder | undefined> {
  const holder = await readHolder(file)
  return holder && isAlive(holder) ? holder : undefined
}

/**
 * Only the holder of the right to do so may remove a dead holder's file: between looking at it and removing
 * it, it could have become a new one. The right is a lock too, so a remover that dies gets its own remover.
 */
async function removeStale(file: string): Promise<void> {
  const right = await takeLock(`${file}.stale`)
  if ('heldBy' in right) return
  try {
    const holder = await readHolder(file)
    if (holder && !isAlive(holder)) await rm(file)
  } finally {
    await right.release()
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await ifExists(readFile(file, 'utf8'))
  if (text === null) return undefined
  try {
    const { pid, started, since }: Holder = JSON.parse(text)
    return { pid: Number(pid), started: String(started), since: String(since) }
  } catch {
    return noProcess // torn by a power cut, or by hand
  }
}

const noProcess: Holder = { pid: 0, started: '', since: '' }

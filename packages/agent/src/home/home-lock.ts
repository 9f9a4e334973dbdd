import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const Owner = z.object({ pid: z.number().int().positive(), startTime: z.string().nullable() })
type Owner = z.infer<typeof Owner>

/** Another live process uses this home. */
export class HomeInUse extends Error {
  constructor(home: string, pid: number) {
    super(`another agent (process ${pid}) uses ${home}; give this one its own AGENT_HOME`)
  }
}

/** Keeps a second agent off the same home until released; a lock whose owner died is taken over. */
export async function lockHome(home: string): Promise<{ release(): Promise<void> }> {
  const path = join(home, 'agent.lock')
  const mine = `${path}.${randomUUID()}`
  await writeFile(mine, JSON.stringify({ pid: process.pid, startTime: await startTimeOf(process.pid) }))
  try {
    while (!(await linked(mine, path))) {
      const owner = await ownerOf(path)
      if (owner && (await isAlive(owner))) throw new HomeInUse(home, owner.pid)
      // Renamed away before it is removed, so that of two takers one finds nothing left to take.
      if (await renamed(path, `${mine}.stale`)) await rm(`${mine}.stale`, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
  return { release: () => rm(path, { force: true }) }
}

const linked = (from: string, to: string) => succeeds(link(from, to), 'EEXIST')
const renamed = (from: string, to: string) => succeeds(rename(from, to), 'ENOENT')

async function succeeds(step: Promise<void>, excused: string): Promise<boolean> {
  try {
    await step
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === excused) return false
    throw error
  }
}

async function ownerOf(path: string): Promise<Owner | null> {
  try {
    return Owner.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // Gone or unreadable: nobody that could be asked owns it.
    return null
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.pid === process.pid) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  if (process.platform !== 'linux') return true
  // A pid is used again sooner or later, and a zombie answers kill 0: its start time and state tell.
  const startTime = await startTimeOf(owner.pid)
  return startTime !== null && startTime === owner.startTime
}

async function startTimeOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? null)
  } catch {
    // No such process, or no /proc on this platform.
    return null
  }
}

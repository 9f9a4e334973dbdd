import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { readdir, readFile, readlink, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { entryOf, processIds, readProc } from './process-table.ts'
import { onNewSharedMemory } from './shared-memory-events.ts'

/** Shared memory that a run left and the agent removed. */
export type RemovedMemory = { segments: number; bytes: number }

/** Segments that a run's processes have open. If the processes are killed, the segments stay and keep their memory. */
export type SharedMemory = {
  /** Notes the segments that these processes have open now; a negative id stands for a group. */
  look(ids: readonly number[]): void
  /** The run has ended: removes its segments that no other process has open. */
  end(): Promise<RemovedMemory | null>
}

const shmFolder = '/dev/shm'

/**
 * Follows the shared memory of a run. A segment belongs to the run if one of its processes had it open or its name contains the
 * id of one. It must also be newer than the run, belong to this user, and be open in no process of this machine at the end.
 */
export function watchSharedMemory(
  pids?: () => readonly number[],
  there: readonly string[] = sharedMemoryNow(),
): SharedMemory {
  if (process.platform !== 'linux') return { look() {}, end: async () => null }
  const before = new Set(there)
  const known = new Set<number>()
  const own = new Map<string, number>()

  const look = (ids: readonly number[]) => {
    const fresh = new Set(names().filter((name) => !before.has(name)))
    if (fresh.size === 0) return
    for (const pid of ids.flatMap(membersOf)) {
      known.add(pid)
      for (const path of openIn(pid)) if (fresh.has(topOf(path))) note(path)
    }
    for (const name of fresh) if (isNamedAfter(name, known)) note(name)
  }
  const note = (path: string) => {
    for (const file of filesAt(path)) {
      const found = statOf(file)
      if (found) own.set(file, found.ino)
    }
  }
  const ignore = pids ? onNewSharedMemory(() => look(pids())) : () => undefined

  return {
    look,
    async end() {
      ignore()
      const left = [...own].filter(([path, ino]) => statOf(path)?.ino === ino).map(([path]) => path)
      if (left.length === 0) return null
      const held = await openAnywhere()
      const removed: RemovedMemory = { segments: 0, bytes: 0 }
      for (const path of left.filter((one) => !held.has(one))) {
        const bytes = (statOf(path)?.blocks ?? 0) * 512
        if (!(await remove(path))) continue
        removed.segments += 1
        removed.bytes += bytes
      }
      return removed.segments > 0 ? removed : null
    },
  }
}

/** The names of all segments, of every program. */
export const sharedMemoryNow = (): string[] => (process.platform === 'linux' ? names() : [])

const names = (folder = shmFolder): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return [] // this machine has no shared memory folder, or it has just gone
  }
}

const topOf = (path: string): string => path.split('/', 1)[0] ?? ''

function membersOf(id: number): number[] {
  return id > 0 ? [id] : processIds().filter((pid) => entryOf(pid)?.group === -id)
}

/** Some libraries put the id of the creating process into a segment's name. */
function isNamedAfter(name: string, pids: ReadonlySet<number>): boolean {
  const [, pid] = /^(?:torch_|sem\.loky-|loky-|joblib_memmapping_folder_)(\d+)[_-]/.exec(name) ?? []
  return pid !== undefined && pids.has(Number(pid))
}

/** A file itself, or all files of a folder. */
function filesAt(path: string): string[] {
  return entryAt(path)?.isDirectory() ? names(join(shmFolder, path)).map((name) => `${path}/${name}`) : [path]
}

/** `null` if it has gone, cannot be read, is not a file, or belongs to another user. */
function statOf(path: string) {
  const found = entryAt(path)
  return found?.isFile() && found.uid === process.getuid?.() ? found : null
}

function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(join(shmFolder, path), { throwIfNoEntry: false })
  } catch {
    return undefined // a module may close its folders to us
  }
}

function openIn(pid: number): string[] {
  return [...mappedIn(readProc(`${pid}/maps`)), ...descriptorsOf(pid)]
}

/** Paths below the folder of shared memory; deleted ones need no removal. */
function mappedIn(maps: string): string[] {
  if (!maps.includes(` ${shmFolder}/`)) return []
  const found = maps.matchAll(/ \/dev\/shm\/(.+)$/gm)
  return [...found].flatMap(([, path = '']) => (path.endsWith(' (deleted)') ? [] : utf8(path)))
}

const utf8 = (text: string): string => Buffer.from(text, 'latin1').toString()

function descriptorsOf(pid: number): string[] {
  return names(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return insideOf(readlinkSync(`/proc/${pid}/fd/${fd}`))
    } catch {
      return [] // closed meanwhile
    }
  })
}

const insideOf = (path: string): string[] =>
  path.startsWith(`${shmFolder}/`) && !path.endsWith(' (deleted)') ? [path.slice(shmFolder.length + 1)] : []

/** Of all processes that this user may inspect; other users cannot have this user's segments open. */
async function openAnywhere(): Promise<Set<string>> {
  const held = new Set<string>()
  for (const pid of processIds()) {
    for (const path of mappedIn(await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => ''))) held.add(path)
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => []))
      for (const path of insideOf(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) held.add(path)
  }
  return held
}

/**
 * Removes a segment and the folders that this leaves empty. False: another process removed it first, or the module made it
 * unremovable, which must not cost the run its result.
 */
async function remove(path: string): Promise<boolean> {
  const isRemoved = await succeeds(unlink(join(shmFolder, path)))
  if (!isRemoved) return false
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder))
    if (!(await succeeds(rmdir(join(shmFolder, folder))))) break
  return true
}

const succeeds = (work: Promise<void>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )

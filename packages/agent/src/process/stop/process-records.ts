import { mkdirSync, readFileSync, unlink, writeFileSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { entryOf, type ProcessEntry, processIds } from './process-table.ts'
import { carries } from './process-tree.ts'

/**
 * Records of running processes, so that an agent that starts after a crash finds those that its predecessor and its watchdog
 * could not end. One small file per process, never synced: a machine's crash ends the processes as well.
 */
export type ProcessRecords = {
  /** Written before the process starts: an agent killed in between would not know of it. */
  expect(marker: string): void
  began(marker: string, pid: number): void
  ended(marker: string): void
}

const Started = z.object({
  boot: z.string(),
  pid: z.number().int().positive().nullable(),
  startTime: z.string().nullable(),
})
type Started = z.infer<typeof Started>
const suffix = '.json'

/** `folder` null: no records, as where processes do not outlive their parent. */
export function processRecords(folder: string | null): ProcessRecords {
  if (folder === null || process.platform !== 'linux') return { expect() {}, began() {}, ended() {} }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const boot = bootId()
  const path = (marker: string) => join(folder, `${marker}${suffix}`)
  const write = (marker: string, started: Started) => {
    try {
      writeFileSync(path(marker), JSON.stringify(started), { mode: 0o600 })
    } catch {
      // A full disk: the run continues, protected by the watchdog alone.
    }
  }
  return {
    expect: (marker) => write(marker, { boot, pid: null, startTime: null }),
    began: (marker, pid) => write(marker, { boot, pid, startTime: entryOf(pid)?.startTime ?? null }),
    // Not awaited: on a busy disk it takes milliseconds, and a leftover record names a process that has gone.
    ended: (marker) => unlink(path(marker), () => undefined),
  }
}

/** The longest wait at a start; processes stuck in the kernel keep their records for the next start. */
const patienceMs = 5000

/**
 * Ends processes that a former agent left running and removes their records; returns their number. It finds them by
 * marker, or by id and start time together, because another process may have the id by now.
 */
export async function endOrphans(folder: string): Promise<number> {
  if (process.platform !== 'linux') return 0
  const names = await readdir(folder).catch(() => [])
  const records = await Promise.all(
    names.filter((name) => name.endsWith(suffix)).map((name) => read(folder, name)),
  )
  const boot = bootId()
  // The end of the former boot also ended its processes.
  const left = records.filter(({ started }) => started === null || started.boot === boot)
  const isStuck = new Set<string>()
  const ended = new Set<number>()
  for (const until = performance.now() + patienceMs; left.length > 0; await delay(20)) {
    isStuck.clear()
    for (const entry of processIds().flatMap((pid) => entryOf(pid) ?? [])) {
      const record = left.find((one) => isOf(entry, one))
      if (!record) continue
      isStuck.add(record.marker)
      ended.add(entry.pid)
      kill(entry.pid)
    }
    if (isStuck.size === 0 || performance.now() > until) break
  }
  for (const { marker } of records)
    if (!isStuck.has(marker)) await rm(join(folder, `${marker}${suffix}`), { force: true })
  return ended.size
}

type Record = { marker: string; started: Started | null }

async function read(folder: string, name: string): Promise<Record> {
  const marker = name.slice(0, -suffix.length)
  try {
    return { marker, started: Started.parse(JSON.parse(await readFile(join(folder, name), 'utf8'))) }
  } catch {
    // A crash during the write: the file's name has the marker.
    return { marker, started: null }
  }
}

function isOf({ pid, startTime, group, session }: ProcessEntry, { marker, started }: Record): boolean {
  if (pid === process.pid) return false
  if (carries(pid, marker)) return true
  if (!started?.pid || started.startTime === null) return false
  if (pid === started.pid) return startTime === started.startTime
  // Its group or session, which has the id while its leader lives.
  const isLed = group === started.pid || session === started.pid
  return isLed && entryOf(started.pid)?.startTime === started.startTime
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended between the look and the signal.
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

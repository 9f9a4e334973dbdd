import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, isAlive, type ProcessIdentity } from '@millrace/std/process'
import { readIfThere, writeSecretFile } from '../home/secret-file.ts'
import type { Report } from '../report/report.ts'

const lookEveryMs = 50

/** Notes that this process is ending its processes, so that the next start waits for it instead of failing. */
export async function noteEnding(home: string): Promise<() => Promise<void>> {
  const file = fileOf(home)
  await writeSecretFile(file, JSON.stringify(identify(process.pid)))
  return () => rm(file, { force: true })
}

/** Waits for a process that is ending on this home. It has at most 25 s for that before it is killed. */
export async function untilPreviousHasEnded(
  home: string,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  for (let reported = false; ; reported = true) {
    const text = await readIfThere(fileOf(home))
    const ending: ProcessIdentity | undefined = text ? JSON.parse(text) : undefined
    if (!ending || !isAlive(ending)) return
    if (!reported) report(`waiting for the end of what runs here: pid ${ending.pid} is stopping`)
    await delay(lookEveryMs, undefined, { signal })
  }
}

const fileOf = (home: string) => join(home, 'run', 'ending.json')

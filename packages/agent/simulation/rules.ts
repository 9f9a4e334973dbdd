import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from '@millrace/std/time'
import type { Reservation } from '../src/admission/reservation.ts'
import { foreignMib } from './desktop.ts'
import { heldAndWanted } from './held.ts'
import type { Arrival } from './scenario.ts'

const totalMib = 32 * 1024
const everyMs = 50
/** Time for a reading of the GPU, the end of a process and the delayed release of its memory: before, the agent cannot know of it. */
const soonMs = 1500

type State = { waiting: readonly Arrival[]; reservations: readonly Reservation[]; freeRuns: number }

/**
 * Checks from outside that no task waits although it fits. A task may wait while memory is kept for a more urgent task,
 * while another process loads, or if a process of the same module is free sooner than another one would be loaded. The
 * processes themselves record over-commitment when they allocate memory.
 */
export function watchRules(o: {
  gpuFolder: string
  headroomMib: number
  mibOf(module: string): number
  state(): State
  /** A busy process of the module is usually free sooner than another one is loaded. */
  isSoonDone(module: string): boolean
}) {
  const stopping = new AbortController()
  const faults: string[] = []
  const fitsSince = new Map<number, number>()

  const watch = async () => {
    while (!stopping.signal.aborted) {
      const { waiting, reservations, freeRuns } = o.state()
      const inTheWay =
        freeRuns <= 0 || reservations.some(({ state }) => state === 'loading' || state === 'waiting')
      const urgentWaits = waiting.some(({ isUrgent }) => isUrgent)
      const idleMib = reservations.reduce(
        (sum, reservation) => sum + (reservation.state === 'idle' ? o.mibOf(reservation.module) : 0),
        0,
      )
      const freeMib = totalMib - o.headroomMib - foreignMib(o.gpuFolder) - heldAndWanted(o.gpuFolder)
      for (const task of waiting) {
        const isWarm = reservations.some(
          (reservation) => reservation.module === task.module && reservation.state === 'idle',
        )
        const isBusy = reservations.some(
          (reservation) => reservation.module === task.module && reservation.state === 'busy',
        )
        const evictable = isBusy && o.isSoonDone(task.module) ? 0 : idleMib
        const fits = isWarm || o.mibOf(task.module) <= freeMib + evictable
        const mayWait = inTheWay || !fits || (urgentWaits && !task.isUrgent)
        if (mayWait) fitsSince.delete(task.id)
        const since = fitsSince.get(task.id) ?? performance.now()
        if (!mayWait) fitsSince.set(task.id, since)
        if (performance.now() - since > soonMs) {
          faults.push(`task ${task.id} (${task.module}) waited though it fitted`)
          fitsSince.set(task.id, Number.POSITIVE_INFINITY)
        }
      }
      await sleep(everyMs, stopping.signal)
    }
  }
  const watching = watch()
  return {
    async stop(): Promise<string[]> {
      stopping.abort()
      await watching
      const file = join(o.gpuFolder, 'overcommitted')
      const taken = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
      return [...faults, ...taken.map((line) => `over-committed: ${line}`)]
    },
  }
}

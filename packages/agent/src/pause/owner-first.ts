import type { Gpu } from '@millrace/shared/for-agents'
import { sleep } from '@millrace/std/time'
import type { PauseController } from './pause-controller.ts'
import { type PauseHours, pausedUntil } from './pause-hours.ts'

export type OwnerFirstDeps = {
  rest: PauseController
  hours(): PauseHours
  /** The agent pauses while other programs use more GPU memory than this; 0: never. */
  foreignBytes(): number
  gpus(): Gpu[]
}

const everyMs = 1000
/** Readings in a row that must agree: memory of an ended run briefly looks like another program's. */
const agreeing = 3
/** The agent resumes after this time without other programs. */
const calmMs = 30_000

/** Pauses the agent while its owner needs the machine: by schedule, and while a game uses the GPU. */
export async function keepOwnerFirst(deps: OwnerFirstDeps, signal: AbortSignal): Promise<void> {
  let above = 0
  let calmSince: number | null = null
  while (!signal.aborted) {
    followHours(deps)
    const busy = busiest(deps)
    above = busy ? above + 1 : 0
    if (busy) calmSince = null
    else calmSince ??= performance.now()
    if (busy && above >= agreeing)
      deps.rest.set('others', {
        kind: 'paused',
        note: `other programs use ${busy.name}`,
        until: null,
        makesWay: true,
      })
    else if (calmSince !== null && performance.now() - calmSince > calmMs) deps.rest.set('others', null)
    await sleep(everyMs, signal)
  }
}

function followHours({ rest, hours }: OwnerFirstDeps): void {
  const until = pausedUntil(hours(), new Date())
  rest.set(
    'schedule',
    until && {
      kind: 'paused',
      note: 'these are the hours of its owner',
      until: until.toISOString(),
      makesWay: true,
    },
  )
}

function busiest({ gpus, foreignBytes }: OwnerFirstDeps): Gpu | undefined {
  const most = foreignBytes()
  return most > 0 ? gpus().find((gpu) => (gpu.foreignBytes ?? 0) > most) : undefined
}

import type { DataId, TaskId } from '@millrace/shared'
import { mapConcurrently } from '../../concurrency/map-concurrently.ts'
import type { TaskDoc } from '../../store/documents/task.ts'
import { admit } from './admit.ts'
import type { SettlePorts } from './ports.ts'
import { waitsOn } from './waits-on.ts'

const pageSize = 500
const callsAtOnce = 8

/**
 * Admits the tasks that wait for something that ended. Each reads its upstreams itself; no outcome is passed on.
 * Returns the tasks that ended because of what they read; each has its own open marker.
 */
export async function admitDependents(
  ports: SettlePorts,
  upstreams: readonly (DataId | TaskId)[],
): Promise<TaskDoc[]> {
  const ended: TaskDoc[] = []
  let after: TaskId | undefined
  for (;;) {
    const waiting = await ports.store.tasks.find(
      { waitingFor: { $in: [...upstreams] }, ...(after ? { _id: { $gt: after } } : {}) },
      { sort: { _id: 1 }, limit: pageSize },
    )
    await mapConcurrently(callsAtOnce, waiting, async (dependent) => {
      if (await waitsOn(ports, dependent, upstreams)) return
      const admitted = await admit(ports, dependent)
      if (admitted.settle?.kind === 'terminal') ended.push(admitted)
    })
    after = waiting.at(-1)?._id
    if (waiting.length < pageSize) return ended
  }
}

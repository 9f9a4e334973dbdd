import type { DataId } from '@millrace/shared'
import type { Deps } from '../deps.ts'
import { letGo } from './let-go.ts'
import { sweep } from './sweep.ts'

const everyMs = 60_000
const atOnce = 100

/** Items whose own time is over go, unless a task that has not ended needs them: then they are looked at again. */
export const expireData = sweep('expire-data', everyMs, async (deps: Deps, after) => {
  const due = await deps.store.data.find(
    {
      _id: { $gt: after as DataId },
      expiresAt: { $lte: deps.clock.now() },
      status: { $in: ['available', 'failed', 'expired'] },
    },
    { sort: { _id: 1 }, limit: atOnce },
  )
  for (const item of due) {
    if (await letGo(deps, item))
      deps.logger.info({ data: item._id }, 'an item went at the time that was set for it')
  }
  return due.length === atOnce ? (due.at(-1)?._id ?? null) : null
})

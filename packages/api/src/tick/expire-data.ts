import type { Deps } from '../deps.ts'
import { Failure } from '../failure.ts'
import { deleteData } from '../operations/delete-data.ts'
import { onceAMinute } from './once-a-minute.ts'

const atOnce = 100

/** Items whose own time is over go, unless a task that has not ended needs them: then they are looked at again. */
export const expireData = onceAMinute('expire-data', async (deps: Deps) => {
  const due = await deps.store.data.find(
    { expiresAt: { $lte: deps.clock.now() }, status: { $in: ['available', 'failed', 'expired'] } },
    { sort: { expiresAt: 1 }, limit: atOnce },
  )
  for (const item of due) {
    try {
      await deleteData(deps, item._id)
      deps.logger.info({ data: item._id }, 'an item went at the time that was set for it')
    } catch (error) {
      const isMeantToStay = error instanceof Failure && ['data_in_use', 'not_found'].includes(error.code)
      if (!isMeantToStay) throw error
    }
  }
})

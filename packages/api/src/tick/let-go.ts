import type { Deps } from '../deps.ts'
import { Failure } from '../failure.ts'
import { deleteData } from '../operations/data/delete-data.ts'
import type { DataDoc } from '../store/documents/data.ts'

/** Deletes an item whose time is over; `false`: it stays, because a task that has not ended needs it. */
export async function letGo(deps: Deps, item: DataDoc): Promise<boolean> {
  try {
    await deleteData(deps, item._id)
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'not_found') return true
    if (error instanceof Failure && error.code === 'data_in_use') return false
    throw error
  }
}

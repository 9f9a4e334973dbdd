import { Failure } from '../failure.ts'
import { deleteData } from '../operations/data/delete-data.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { DataDoc } from '../store/documents/data.ts'

/** Deletes an expired item; `false`: it stays, because an unfinished task needs it. */
export async function letGo(ports: SettlePorts, item: DataDoc): Promise<boolean> {
  try {
    await deleteData(ports, item._id)
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'not_found') return true
    if (error instanceof Failure && error.code === 'data_in_use') return false
    throw error
  }
}

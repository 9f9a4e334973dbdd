import type { DataId } from '@millrace/shared'
import type { StoredInput } from '../../store/documents/task.ts'

/** The data items that inputs name, each once, in the order of the inputs. */
export function readBy(inputs: Record<string, StoredInput | StoredInput[]>): DataId[] {
  const named = Object.values(inputs)
    .flat()
    .flatMap((input) => ('data' in input ? [input.data] : []))
  return [...new Set(named)]
}

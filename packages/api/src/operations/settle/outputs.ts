import { type DataId, dataTypeOf } from '@millrace/shared'
import { runObjectKey } from '../../objects/keys.ts'
import type { Ports } from '../../ports.ts'
import type { DataDoc } from '../../store/documents/data.ts'
import type { StoredOutput, TaskDoc } from '../../store/documents/task.ts'
import { newOutput } from '../task/new-output.ts'

/** Makes the outputs of an ended task available, or failed. A reader of the task does this first. */
export async function settleOutputs(ports: Ports, task: TaskDoc, known?: readonly DataDoc[]): Promise<void> {
  await settleItems(ports, task, known ?? (await outputsOf(ports, task)))
}

export const outputsOf = (ports: Ports, task: TaskDoc): Promise<DataDoc[]> =>
  ports.store.data.many(Object.values(task.outputs).map((output) => output.data))

/**
 * The same right after the end of the task, when the items are most likely as they were created. `unsure`: they may be
 * missing.
 */
export const settleFreshOutputs = (ports: Ports, task: TaskDoc, unsure: boolean): Promise<void> =>
  settleItems(
    ports,
    task,
    Object.keys(task.outputs).flatMap((key) => newOutput(task, key)),
    unsure ? 'changeOrInsertMany' : 'changeMany',
  )

async function settleItems(
  ports: Ports,
  task: TaskDoc,
  items: readonly DataDoc[],
  write: 'changeMany' | 'changeOrInsertMany' = 'changeMany',
): Promise<void> {
  await createListElements(ports, task)
  await ports.store.data.followUp[write](items, (item) => {
    const key = item.producer?.output
    if (item.status !== 'pending' || item.round !== task.round || key === undefined) return null
    return settledOutput(ports, task, key, item)
  })
}

/** An output after the end of its task. */
function settledOutput(ports: Ports, task: TaskDoc, key: string, item: DataDoc): DataDoc {
  const produced = task.status === 'succeeded' ? task.result?.[key] : undefined
  const updatedAt = ports.clock.now()
  if (!produced) return { ...item, status: 'failed', error: whyNot(task, key), updatedAt }
  return { ...item, ...contentOf(task, produced, key), status: 'available', updatedAt }
}

function contentOf(task: TaskDoc, produced: StoredOutput, key: string): Partial<DataDoc> {
  if ('json' in produced)
    return { json: produced.json, isFile: false, size: Buffer.byteLength(produced.json) }
  if ('files' in produced) {
    return { type: 'list', isFile: false, items: produced.files.map((_, n) => listElementId(task, key, n)) }
  }
  const { file } = produced
  const declared = task.outputs[key]?.type ?? 'file'
  return {
    type: declared === 'file' || declared === 'list' ? dataTypeOf(file.contentType) : declared,
    isFile: true,
    object: task.currentRun && runObjectKey(task.currentRun, file.output, file.n),
    contentType: file.contentType,
    size: file.size,
    sha256: file.sha256,
    fileName: file.name,
  }
}

function whyNot(task: TaskDoc, key: string): { code: string; message: string } {
  if (task.status === 'succeeded')
    return { code: 'not_produced', message: `the module did not produce "${key}"` }
  return {
    code: task.error?.code ?? task.status,
    message: task.error?.message ?? `the task was ${task.status}`,
  }
}

/** Each file of a list output is a separate item, with an id that is the same each time. */
async function createListElements(ports: Ports, task: TaskDoc): Promise<void> {
  if (task.status !== 'succeeded' || !task.currentRun) return
  for (const [key, produced] of Object.entries(task.result ?? {})) {
    const output = task.outputs[key]
    if (!('files' in produced) || !output) continue
    const list = await ports.store.data.get(output.data)
    if (!list) continue
    await ports.store.data.followUp.insertMissing(
      produced.files.map((file, n) => ({
        ...list,
        _id: listElementId(task, key, n),
        rev: 1,
        label: `${output.label} ${n + 1}`.slice(0, 200),
        status: 'available',
        ...contentOf(task, { file }, key),
        settle: null,
      })),
    )
  }
}

/** The id of the list's item, with the position in place of its end. */
function listElementId(task: TaskDoc, key: string, n: number): DataId {
  const own = task.outputs[key]?.data ?? 'dat_00000000000000000000000000'
  const suffix = n
    .toString(32)
    .toUpperCase()
    .replace(/[ILOU]/g, (letter) => ({ I: 'W', L: 'X', O: 'Y', U: 'Z' })[letter] ?? letter)
    .padStart(4, '0')
  return `dat_${own.slice(4, 26)}${suffix}`
}

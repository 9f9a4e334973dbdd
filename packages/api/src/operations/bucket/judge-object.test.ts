import type { DataId, RunId } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import type { DataDoc } from '../../store/documents/data.ts'
import { newItem } from '../../store/documents/new-item.ts'
import { at, exampleTask } from '../task/example.fixture.ts'
import { commonKeyRange } from './common-key-range.ts'
import { isAbandoned, judgeObject, type Known, safeAgeMs, type Verdict } from './judge-object.ts'
import { decideMissing } from './lost-content.ts'

const id: DataId = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const task = exampleTask({ status: 'succeeded', settle: null })
const run: RunId = `${task._id}.1`
const inRun = `runs/${task._id}/1`
const now = new Date(at.getTime() + safeAgeMs)

const item = (changes: Partial<DataDoc>): DataDoc => ({
  ...newItem({
    _id: id,
    apiKey: 'k',
    label: 'l',
    type: 'file',
    status: 'uploading',
    tags: [],
    createdAt: at,
  }),
  isFile: true,
  uploads: 2,
  ...changes,
})
function knowing({ items = [], tasks = [], runs = [] }: Knowledge): Known {
  return {
    named: new Set(items.flatMap((one) => one.object ?? [])),
    items: new Map(items.map((one) => [one._id, one])),
    tasks: new Map(tasks.map((one) => [one._id, one])),
    runs: new Set(runs),
  }
}
type Knowledge = { items?: DataDoc[]; tasks?: (typeof task)[]; runs?: RunId[] }

const first = `incoming/${id}/1`
const second = `incoming/${id}/2`
const running = { ...task, status: 'running' as const }
const unsettled = exampleTask({
  status: 'succeeded',
  settle: { kind: 'terminal', run, end: null, waiting: null },
})

const rows: [string, Knowledge, string, Verdict][] = [
  [first, {}, 'of an item that is gone', 'garbage'],
  [first, { items: [item({})] }, 'of a URL that a newer one replaced', 'garbage'],
  [second, { items: [item({})] }, 'of the newest URL of a running upload', 'kept'],
  [
    second,
    { items: [item({ status: 'deleting', before: 'uploading' })] },
    'of a deletion that may be undone',
    'kept',
  ],
  [second, { items: [item({ status: 'available', object: second })] }, 'that its item names', 'kept'],
  [first, { items: [item({ status: 'available', object: second })] }, 'of an old URL', 'garbage'],
  [second, { items: [item({ status: 'available', object: first })] }, 'that was never completed', 'garbage'],
  [second, { items: [item({ status: 'failed', object: second })] }, 'of a failed item', 'kept'],
  [second, { items: [item({ status: 'expired' })] }, 'that arrived after the end of its upload', 'garbage'],
  [first, { items: [item({ status: 'removing' })] }, 'that a deletion will remove', 'kept'],
  [`${inRun}/copy/0`, {}, 'of an unknown task', 'garbage'],
  [`${inRun}/copy/0`, { tasks: [running] }, 'of a task that has not ended', 'kept'],
  [`${inRun}/copy/0`, { tasks: [unsettled] }, 'of a task whose outputs are not yet written', 'kept'],
  [`${inRun}/copy/0`, { tasks: [task], runs: [run] }, 'that no output names after the end', 'garbage'],
  [
    `${inRun}/copy/0`,
    { tasks: [task], items: [item({ object: `${inRun}/copy/0` })] },
    'of an output',
    'kept',
  ],
  [`${inRun}/$log/0`, { tasks: [task], runs: [run] }, 'with the log of a known run', 'kept'],
  [`${inRun}/$log/0`, { tasks: [task] }, 'with the log of an unknown run', 'garbage'],
  [`${inRun}/$log/0`, {}, 'with the log of a run that was removed with its task', 'garbage'],
  [
    `${inRun}/copy/0`,
    { items: [item({ object: `${inRun}/copy/0` })] },
    'of an output that outlives its task',
    'kept',
  ],
]
const foreign = [
  'incoming/readme',
  'runs/x/1/a/0',
  `incoming/${id}/x`,
  `${first}/more`,
  'elsewhere',
  'incoming/',
]

describe('an object', () => {
  test.each(rows)('%s', (key, knowledge, what, verdict) => {
    const known = knowing(knowledge)
    expect(judgeObject({ key, lastModified: at }, known, now), what).toBe(verdict)
    const soon = new Date(now.getTime() - 1)
    const young = verdict === 'garbage' ? 'too young' : verdict
    expect(judgeObject({ key, lastModified: at }, known, soon), what).toBe(young)
  })

  test.each(foreign)('%s belongs to another program, and stays', (key) => {
    expect(judgeObject({ key, lastModified: at }, knowing({}), now)).toBe('kept')
  })
})

test('a multipart upload is aborted when its item no longer uses it', () => {
  const upload = { key: second, uploadId: 'u', beganAt: at }
  const inParts = (uploadId: string, changes: Partial<DataDoc> = {}) =>
    new Map([[id, item({ multipart: { partSize: 1, uploadId, checksums: false }, ...changes })]])
  expect(isAbandoned(upload, new Map(), now)).toBe(true)
  expect(isAbandoned(upload, new Map(), new Date(now.getTime() - 1))).toBe(false)
  expect(isAbandoned(upload, inParts('u'), now)).toBe(false)
  expect(isAbandoned(upload, inParts('other'), now)).toBe(true)
  expect(isAbandoned(upload, inParts('u', { status: 'available' }), now)).toBe(true)
  expect(isAbandoned({ ...upload, key: 'incoming/by-hand' }, new Map(), now)).toBe(false)
})

test('an item without its object fails, unless its state has changed', () => {
  expect(decideMissing(item({ status: 'available', object: first }), first, now)).toMatchObject({
    status: 'failed',
    object: first,
    error: { code: 'object_missing' },
    settle: { kind: 'admit-waiting' },
    updatedAt: now,
  })
  expect(decideMissing(item({ status: 'available', object: second }), first, now)).toBeNull()
  expect(decideMissing(item({ status: 'deleting', object: first }), first, now)).toBeNull()
})

test.each([
  ['both are complete', 'ace', false, 'bce', false, 'ace', 'bce', null],
  ['more objects follow: items beyond the last one wait', 'ac', true, 'bcd', false, 'ac', 'bc', 'c'],
  ['more items follow: objects beyond the last one wait', 'acde', false, 'abc', true, 'ac', 'abc', 'c'],
  ['both were cut off: the earlier end counts', 'abe', true, 'bcd', true, 'ab', 'bcd', 'd'],
  ['objects have run out, items go on', '', false, 'ab', true, '', 'ab', 'b'],
  ['both are empty', '', false, '', false, '', '', null],
])('a common key range: %s', (_, objects, moreObjects, items, moreItems, seen, named, end) => {
  const listed = [...objects].map((key) => ({ key, lastModified: at }))
  const naming = [...items].map((object) => item({ object }))
  const stretch = commonKeyRange({ objects: listed, more: moreObjects }, { items: naming, more: moreItems })
  expect(stretch.objects.map(({ key }) => key).join('')).toBe(seen)
  expect(stretch.items.map(({ object }) => object).join('')).toBe(named)
  expect(stretch.end).toBe(end)
})

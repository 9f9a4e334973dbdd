import { DataStatus } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import type { DataDoc } from '../../store/documents/data.ts'
import { at, exampleTask } from '../task/example.fixture.ts'
import { newOutput } from '../task/new-output.ts'
import { decideDeletion, decideMark } from './delete-data.ts'
import { decideEdit } from './edit-data.ts'
import { keysOf } from './remove-content.ts'

const id = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV' as const
const later = new Date(at.getTime() + 1)
const going = ['deleting', 'removing'] as const

function item(changes: Partial<DataDoc>): DataDoc {
  const said = { data: id, type: 'text' as const, isFile: false, format: null, label: 'said', tags: [] }
  const [made] = newOutput(exampleTask({ outputs: { said } }), 'said')
  if (!made) throw new Error('no item')
  return { ...made, ...changes }
}

describe('a deletion', () => {
  test('comes back from the question to exactly what the item was, and looks for who waits', () => {
    for (const status of DataStatus.options.filter((one) => one !== 'deleting' && one !== 'removing')) {
      const marked = decideMark(item({ status }), at)
      expect(marked).toMatchObject({ status: 'deleting', before: status, updatedAt: at })
      expect(marked && decideDeletion(marked, true, later)).toEqual({
        ...item({ status, before: null }),
        settle: { kind: 'admit-waiting' },
        updatedAt: later,
      })
      expect(marked && decideDeletion(marked, false, later)).toMatchObject({ status: 'removing' })
    }
  })

  test('does not begin twice, and nothing is edited meanwhile', () => {
    for (const status of going) {
      expect(decideMark(item({ status }), at)).toBeNull()
      expect(decideEdit(item({ status }), { label: 'x' }, at)).toBeNull()
    }
  })

  test('knows every object: the item’s own, and one for each upload URL', () => {
    expect(keysOf(item({ object: 'runs/t/1/said/0' }))).toEqual(['runs/t/1/said/0'])
    expect(keysOf(item({ object: `incoming/${id}/2`, uploads: 3 })).sort()).toEqual(
      [1, 2, 3].map((n) => `incoming/${id}/${n}`),
    )
  })
})

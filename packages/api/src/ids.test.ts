import { DataId, TaskId } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import { Failure } from './failure.ts'
import { cursorOf, idOfCursor, pageFrom } from './http/cursor.ts'
import { newIds, repeatableIds } from './ids.ts'

describe('ids', () => {
  test('ascend and match the contract', () => {
    const ids = Array.from({ length: 100 }, () => newIds.task())
    expect(ids.toSorted()).toEqual(ids)
    expect(new Set(ids).size).toBe(100)
    for (const id of ids) expect(TaskId.safeParse(id).success).toBe(true)
  })

  test('of a repeated request are the same, those of other requests differ', () => {
    const three = (seed: number, secret: string) => {
      const ids = repeatableIds(seed, secret)
      return [ids.task(), ids.data(), ids.data()]
    }
    expect(three(1_000, 'a')).toEqual(three(1_000, 'a'))
    expect(three(1_000, 'a')).not.toEqual(three(1_000, 'b'))
    expect(three(1_000, 'a')).not.toEqual(three(2_000, 'a'))
    const [, first = '', second = ''] = three(1_000, 'a')
    expect(second > first).toBe(true)
    expect(DataId.safeParse(second).success).toBe(true)
  })
})

describe('a cursor', () => {
  const id = 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV'

  test('is valid only for its list, and only unmodified', () => {
    expect(idOfCursor(cursorOf(id), 'tsk_')).toBe(id)
    expect(idOfCursor(undefined, 'tsk_')).toBeUndefined()
    const wrong = [
      '',
      'x',
      `${cursorOf(id)}=`,
      cursorOf('dat_1'),
      cursorOf('tsk_$gt'),
      cursorOf('tsk_\u0000'),
    ]
    for (const cursor of wrong) expect(() => idOfCursor(cursor, 'tsk_'), cursor).toThrow(Failure)
  })

  test('exists only when another page follows', () => {
    const docs = ['c', 'b', 'a'].map((_id) => ({ _id }))
    const view = (doc: { _id: string }) => doc._id
    expect(pageFrom(docs, 3, view)).toEqual({ items: ['c', 'b', 'a'], nextCursor: null })
    expect(pageFrom(docs, 2, view)).toEqual({ items: ['c', 'b'], nextCursor: cursorOf('b') })
    expect(pageFrom([], 2, view)).toEqual({ items: [], nextCursor: null })
  })
})

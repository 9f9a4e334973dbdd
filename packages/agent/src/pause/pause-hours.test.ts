import { expect, test } from 'vitest'
import { parsePauseHours, pausedUntil } from './pause-hours.ts'

const evenings = 'Mon-Fri 18:00-23:30, Sat 22:00-02:00'
// 2026-11-27 is a Friday.
test.each([
  ['before the hours', '2026-11-27T17:59', null],
  ['in them', '2026-11-27T18:00', '2026-11-27T23:30'],
  ['after them', '2026-11-27T23:30', null],
  ['on another day', '2026-11-28T19:00', null],
  ['before midnight', '2026-11-28T22:30', '2026-11-29T02:00'],
  ['after midnight', '2026-11-29T01:59', '2026-11-29T02:00'],
  ['over', '2026-11-29T02:00', null],
])('%s', (_, now, until) => {
  expect(pausedUntil(parsePauseHours(evenings), new Date(now))).toEqual(until && new Date(until))
})

test('every day, around the week, to the end of the day, overlapping', () => {
  const at = (text: string, now: string) => pausedUntil(parsePauseHours(text), new Date(now))
  expect(at('00:00-24:00', '2026-11-27T05:00')).toEqual(new Date('2026-11-28T00:00'))
  expect(at('Sat-Mon 08:00-09:00', '2026-11-29T08:30')).toEqual(new Date('2026-11-29T09:00'))
  expect(at('Sat-Mon 08:00-09:00', '2026-11-27T08:30')).toBeNull()
  expect(at('8:00-9:00; 08:30-10:00', '2026-11-27T08:45')).toEqual(new Date('2026-11-27T10:00'))
  expect(at('', '2026-11-27T08:45')).toBeNull()
})

test.each([
  ['Mon-Fri', /"Mon-Fri" is not like/],
  ['Mo 18:00-19:00', /is not like/],
  ['Foo 18:00-19:00', /"Foo" is no day/],
  ['25:00-26:00', /"25:00" is no time/],
  ['10:75-11:00', /"10:75" is no time/],
])('%s is refused', (text, fault) => {
  expect(() => parsePauseHours(text)).toThrow(fault)
})

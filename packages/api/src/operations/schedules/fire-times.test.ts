import { describe, expect, test } from 'vitest'
import { faultOfTiming, nextFireTimes, type Timing } from './fire-times.ts'

const anchor = new Date('2026-01-01T00:00:00Z')
const cron = (pattern: string, timezone = 'UTC'): Timing => ({
  cron: pattern,
  everySeconds: null,
  timezone,
  anchor,
})
const every = (everySeconds: number): Timing => ({ cron: null, everySeconds, timezone: 'UTC', anchor })
const times = (timing: Timing, after: string, count = 3) =>
  nextFireTimes(timing, new Date(after), count).map((date) => date.toISOString().replace('.000Z', 'Z'))

describe('fire times', () => {
  test.each([
    [
      'a plain hour',
      cron('0 3 * * *'),
      '2026-05-01T02:59:59Z',
      ['2026-05-01T03:00:00Z', '2026-05-02T03:00:00Z'],
    ],
    [
      'never again at the given time itself',
      cron('0 3 * * *'),
      '2026-05-01T03:00:00Z',
      ['2026-05-02T03:00:00Z'],
    ],
    ['@hourly', cron('@hourly'), '2026-05-01T02:30:00Z', ['2026-05-01T03:00:00Z']],
    [
      'leap days',
      cron('0 0 29 2 *'),
      '2026-01-01T00:00:00Z',
      ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'],
    ],
    [
      'the 31st only in months that have one',
      cron('0 0 31 * *'),
      '2026-01-31T00:00:00Z',
      ['2026-03-31T00:00:00Z'],
    ],
    ['half an hour off', cron('0 9 * * *', 'Asia/Kolkata'), '2026-01-01T00:00:00Z', ['2026-01-01T03:30:00Z']],
    [
      'three and a half',
      cron('0 9 * * *', 'America/St_Johns'),
      '2026-01-01T00:00:00Z',
      ['2026-01-01T12:30:00Z'],
    ],
    [
      'a time that summer time skips fires right after the jump, and at its usual time the next day',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
    ],
    [
      'a time that occurs twice in autumn fires once',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    ],
    [
      'every hour fires each hour, also when the clock goes back',
      cron('0 * * * *', 'Europe/Berlin'),
      '2026-10-24T23:30:00Z',
      ['2026-10-25T00:00:00Z', '2026-10-25T01:00:00Z', '2026-10-25T02:00:00Z'],
    ],
    [
      'and when it goes forward',
      cron('0 * * * *', 'Europe/Berlin'),
      '2026-03-28T23:30:00Z',
      ['2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z', '2026-03-29T02:00:00Z'],
    ],
    [
      'seconds from the anchor',
      every(90),
      '2026-01-01T00:00:00Z',
      ['2026-01-01T00:01:30Z', '2026-01-01T00:03:00Z'],
    ],
    [
      'seconds, much later',
      every(7),
      '2026-01-01T01:00:00Z',
      ['2026-01-01T01:00:05Z', '2026-01-01T01:00:12Z'],
    ],
  ])('%s', (_what, timing, after, expected) => {
    expect(times(timing, after, expected.length)).toEqual(expected)
  })
})

describe('a timing is rejected', () => {
  test.each([
    ['a minute that does not exist', cron('61 * * * *'), '/cron', /minute: 61/],
    ['no pattern at all', cron('every day'), '/cron', /./],
    ['six fields', cron('* * * * * *'), '/cron', /./],
    ['a day that never comes', cron('0 0 31 2 *'), '/cron', /never comes/],
    ['an unknown zone', cron('0 0 * * *', 'Mars/Olympus'), '/timezone', /IANA/],
    ['both', { ...cron('0 0 * * *'), everySeconds: 5 }, '/cron', /either/],
    ['neither', { ...every(5), everySeconds: null }, '', /either/],
  ])('%s', (_what, timing, path, message) => {
    const fault = faultOfTiming(timing, anchor)
    expect(fault?.path).toBe(path)
    expect(fault?.message).toMatch(message)
  })
})

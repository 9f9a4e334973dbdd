import { describe, expect, test } from 'vitest'
import type { DeliveryDoc } from '../../store/documents/webhook.ts'
import { decideDelivery, takeNote } from './decide-delivery.ts'

const start = new Date('2026-11-01T00:00:00Z')
const later = (seconds: number) => new Date(start.getTime() + seconds * 1000)
const delivery: DeliveryDoc = {
  _id: 'whk_00000000000000000000000000.tsk_00000000000000000000000000.1',
  rev: 1,
  webhook: 'whk_00000000000000000000000000',
  task: 'tsk_00000000000000000000000000',
  type: 'task.succeeded',
  url: 'https://hook.example/',
  receiver: 'hook.example',
  body: '{}',
  state: 'due',
  nextAt: start,
  attempts: [],
  createdAt: start,
  askedAt: null,
  expiresAt: null,
}
const refused = (at: Date) => ({ at, status: 500, error: 'answered 500', ms: 1 })
const taken = (at: Date) => ({ at, status: 204, error: null, ms: 1 })

/** The seconds after the beginning at which it is sent, until it ends. */
function timesOf(from: DeliveryDoc, random: number): number[] {
  const times: number[] = []
  for (let one = from; one.state === 'due'; ) {
    times.push(Math.round((one.nextAt.getTime() - start.getTime()) / 1000))
    one = decideDelivery(one, { ...refused(one.nextAt), isOver: false }, one.nextAt, random)
  }
  return times
}

describe('a delivery', () => {
  test('is retried at growing intervals for a day', () => {
    expect(timesOf(delivery, 0.5)).toEqual([0, 5, 65, 365, 2165, 9365, 27_365, 63_365])
  })

  test.each([0, 0.25, 0.75, 1])('spreads its intervals by a fifth, within the day: %s', (random) => {
    const times = timesOf(delivery, random)
    const factor = 0.8 + 0.4 * random
    expect(times[7]).toBeGreaterThan(63_365 * factor - 5)
    expect(times[7]).toBeLessThan(63_365 * factor + 5)
    expect(times.at(-1)).toBeLessThanOrEqual(24 * 3600)
    expect(times.at(-1)).toBeGreaterThan(12 * 3600)
  })

  test('succeeds with the first 2xx, and stays listed for thirty days', () => {
    const done = decideDelivery(delivery, { ...taken(start), isOver: false }, start, 0.5)
    expect(done).toMatchObject({
      state: 'delivered',
      expiresAt: later(30 * 86_400),
      attempts: [taken(start)],
    })
  })

  test('fails immediately when a retry is pointless', () => {
    const given = decideDelivery(delivery, { ...refused(start), isOver: true }, start, 0.5)
    expect(given).toMatchObject({ state: 'failed', expiresAt: later(30 * 86_400) })
  })

  test('that is requested again gets another day of retries', () => {
    const old = { ...delivery, attempts: Array.from({ length: 8 }, (_, nth) => refused(later(nth))) }
    const at = later(10 * 86_400)
    const again = { ...old, askedAt: at, nextAt: at }
    expect(timesOf(again, 0.5).slice(0, 3)).toEqual([864_000, 864_005, 864_065])
    expect(timesOf({ ...old, nextAt: at }, 0.5)).toEqual([864_000])
  })

  test('keeps its last fifty attempts', () => {
    let one = delivery
    for (let nth = 0; nth < 60; nth += 1) one = takeNote(one, refused(later(nth)))
    expect(one.attempts).toHaveLength(50)
    expect(one).toMatchObject({ state: 'due', nextAt: start })
    expect(one.attempts.at(-1)?.at).toEqual(later(59))
  })
})

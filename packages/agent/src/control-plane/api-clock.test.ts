import { expect, test } from 'vitest'
import { ApiClock } from './api-clock.ts'

function clockOf() {
  const told: string[] = []
  const note = (_: unknown, message?: string) => void told.push(message ?? '')
  return { told, clock: new ApiClock({ warn: note, info: note }) }
}
/** An API whose clock differs by this from this machine's. */
const answering = (seconds: number) => async () => ({
  now: new Date(Date.now() + seconds * 1000).toISOString(),
})
const ahead = (clock: ApiClock) => (clock.now().getTime() - Date.now()) / 1000

test('is the clock of this machine until an answer contains the time, then follows each answer', async () => {
  const { clock, told } = clockOf()
  expect(ahead(clock)).toBeCloseTo(0, 1)
  expect(clock.offsetSeconds).toBeNull()
  await clock.timed(async () => ({}))()
  expect(clock.offsetSeconds).toBeNull()
  for (const seconds of [600, 600, -40 * 24 * 3600, 1, 1]) {
    await clock.timed(answering(seconds))()
    expect(ahead(clock)).toBeCloseTo(seconds, 1)
    expect(clock.offsetSeconds).toBeCloseTo(-seconds, 1)
  }
  expect(told).toEqual([
    expect.stringMatching(/is 600\.0 s behind the API's.*NTP/),
    expect.stringMatching(/is 3456000\.0 s ahead of the API's/),
    expect.stringMatching(/agrees with the API's again/),
  ])
})

test('a slow answer counts only without a better one', async () => {
  const { clock } = clockOf()
  const late = (seconds: number) => async () => {
    const answer = await answering(seconds)()
    await new Promise((done) => setTimeout(done, 1200))
    return answer
  }
  await clock.timed(late(600))()
  expect(Math.abs(ahead(clock) - 600)).toBeLessThan(0.7)
  await clock.timed(answering(600))()
  await clock.timed(late(610))()
  expect(ahead(clock)).toBeCloseTo(600, 1)
})

test("converts a time of this machine to the API's", async () => {
  const { clock } = clockOf()
  await clock.timed(answering(-600))()
  const until = '2026-11-30T12:00:00.000Z'
  expect(Date.parse(clock.convert({ until })?.until ?? '')).toBeCloseTo(
    Date.parse('2026-11-30T11:50:00Z'),
    -2,
  )
  expect(clock.convert({ until: null })).toEqual({ until: null })
  expect(clock.convert(null)).toBeNull()
})

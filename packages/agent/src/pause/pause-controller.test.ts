import { pino } from 'pino'
import { expect, test } from 'vitest'
import { PauseController } from './pause-controller.ts'

const day = 24 * 3600 * 1000

test.each([
  ['behind', 40 * day],
  ['ahead of', -40 * day],
])("a pause of an operator ends by the operator's time, though this clock is %s it", async (_, shift) => {
  const now = () => new Date(Date.now() + shift)
  const working = Promise.withResolvers<void>()
  const rest = new PauseController({
    setAccepting: (accepting) => accepting && working.resolve(),
    evictIdle: () => undefined,
    handBack: () => undefined,
    drainSeconds: () => 60,
    now,
    logger: pino({ level: 'silent' }),
  })
  const began = performance.now()
  const until = new Date(now().getTime() + 300).toISOString()
  rest.set('operator', { kind: 'paused', note: null, until, makesWay: false })
  const keepAlive = setInterval(() => undefined, 1000)
  await working.promise
  clearInterval(keepAlive)
  expect(performance.now() - began).toBeGreaterThan(280)
  expect(performance.now() - began).toBeLessThan(5000)
})

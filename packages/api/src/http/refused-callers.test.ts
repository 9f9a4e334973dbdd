import { Hono } from 'hono'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Env } from './env.ts'
import { RefusedCallers } from './refused-callers.ts'

const callers = new RefusedCallers()
const app = new Hono<Env>()
app.get('/', (c) => {
  callers.note(c)
  return c.text('')
})
const from = (remoteAddress: string) =>
  app.request('/', { headers: { 'x-forwarded-for': '1.2.3.4' } }, { incoming: { socket: { remoteAddress } } })

test('addresses above the limit share one count; an IPv6 network counts as one', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const clock = { now: () => new Date(1_000_000) }
  for (let left = 3; left > 0; left -= 1) await from(`2001:db8:1:2:${left}::1`)
  for (let left = 2; left > 0; left -= 1) await from('::ffff:192.0.2.1')
  for (let n = 0; n < 1_500; n += 1) await from(`10.${n >> 8}.${n & 255}.1`)
  callers.report({ clock, logger })
  expect(lines).toHaveLength(1)
  const [line = ''] = lines
  expect(JSON.parse(line)).toMatchObject({
    requests: 1_505,
    addresses: 1_000,
    byAddress: { '2001:db8:1:2::/64': 3, '192.0.2.1': 2 },
  })
  expect(line.length).toBeLessThan(1_000)
})

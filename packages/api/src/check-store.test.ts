import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { checkStore } from './check-store.ts'
import { type Habit, serveLaxStore } from './objects/lax-store.fixture.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

type Setting = {
  habit: Habit | null
  host?: string
  publicEndpoint?: string
  mayBeUnsafe?: boolean
  isAway?: boolean
}

async function checked({ habit, host = '127.0.0.1', mayBeUnsafe = false, isAway = false, ...o }: Setting) {
  const served = await serveLaxStore(habit)
  if (isAway) served.close()
  else closing.push(served.close)
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
  const ports = { storeSafety: { state: 'checking' }, logger, random: () => 0.01 }
  const endpoint = served.config.endpoint.replace('127.0.0.1', host)
  const refuse = vi.fn<(message: string) => void>()
  const config = { ...served.config, endpoint, publicEndpoint: o.publicEndpoint ?? endpoint, mayBeUnsafe }
  const check = checkStore(ports, config, refuse)
  closing.push(check.stop)
  return { check, ports, refuse, lines, requests: served.requests }
}

const trailers = 'accepts unsigned trailers'

describe('off loopback', () => {
  const host = '0.0.0.0'

  test('a safe store is known before the API serves', async () => {
    const { check, ports, refuse, lines } = await checked({ habit: null, host })
    await check.mayServe
    expect(ports.storeSafety.state).toBe('safe')
    expect(lines).toEqual([])
    expect(refuse).not.toHaveBeenCalled()
  })

  test('an unsafe store is refused before the API serves', async () => {
    const { check, refuse } = await checked({ habit: trailers, host })
    let isRefusedFirst = false
    refuse.mockImplementation((message) => {
      isRefusedFirst = message.includes('PUT with an unsigned trailer')
    })
    await check.mayServe
    expect(isRefusedFirst).toBe(true)
  })

  test('an unsafe store that is allowed gets one warning', async () => {
    const { check, ports, refuse, lines } = await checked({ habit: trailers, host, mayBeUnsafe: true })
    await check.mayServe
    expect(ports.storeSafety.state).toMatch(/^allowed: /)
    expect(lines).toEqual([expect.stringContaining('ACCEPTS FORGED REQUESTS')])
    expect(refuse).not.toHaveBeenCalled()
  })
})

test('after a verdict the store is not checked again', async () => {
  const { ports, requests } = await checked({ habit: null })
  await vi.waitFor(() => expect(ports.storeSafety.state).toBe('safe'), 10_000)
  const sent = requests()
  await pause(3_000) // a check that fails is repeated after a second
  expect(requests()).toBe(sent)
})

test('a public endpoint that cannot be reached is named in the log', async () => {
  const publicEndpoint = 'http://127.0.0.1:9'
  const { ports, lines } = await checked({ habit: null, publicEndpoint })
  await vi.waitFor(() => expect(ports.storeSafety.state).toBe('safe'), 10_000)
  expect(lines).toEqual([expect.stringContaining(`"endpoint":"${publicEndpoint}"`)])
})

describe('on loopback', () => {
  test('the API serves during the check', async () => {
    const { check, ports } = await checked({ habit: null })
    await check.mayServe
    expect(ports.storeSafety.state).toBe('checking')
    await vi.waitFor(() => expect(ports.storeSafety.state).toBe('safe'), 10_000)
  })

  test('an unsafe store gets one warning that lists what it accepted', async () => {
    const { ports, refuse, lines } = await checked({ habit: trailers })
    await vi.waitFor(() => expect(ports.storeSafety.state).toMatch(/^unsafe: /), 10_000)
    expect(lines).toEqual([expect.stringContaining('PUT with an unsigned trailer and nothing but a key id')])
    expect(refuse).not.toHaveBeenCalled()
  })

  test.each<[string, Setting, RegExp]>([
    ['is away', { habit: null, isAway: true }, /^checking: .*ECONNREFUSED/],
    [
      'rejects genuine uploads',
      { habit: 'rejects uploads' },
      /^checking: a presigned upload was answered with 403/,
    ],
  ])('a store that %s is checked again and again', async (_, setting, state) => {
    const { ports, lines } = await checked(setting)
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(1), 20_000)
    expect(ports.storeSafety.state).toMatch(state)
  })
})

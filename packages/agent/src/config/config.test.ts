import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigFaults, readConfig } from './config.ts'

const enough = { MILLRACE_URL: 'http://127.0.0.1:8787/', MILLRACE_AGENT_KEY: 'key' }

test('address and key are enough; the rest has defaults', () => {
  const config = readConfig({ ...enough, HOME: '/home/ada', MAX_RUNS: '' })
  expect(config).toMatchObject({
    url: 'http://127.0.0.1:8787',
    key: 'key',
    logLevel: 'info',
    queue: 'jetstream',
    minFreeBytesForRuns: 1024 ** 3,
  })
  expect(config.maxRuns).toBe(availableParallelism())
  expect(config.home).toMatch(/\.millrace-agent$/)
  expect(config.modulesDir).toBe(resolve(import.meta.dirname, '../../../../modules'))
  expect(config.workersFiles).toEqual([
    resolve(import.meta.dirname, '../../../../workers.yaml'),
    resolve(import.meta.dirname, '../../../../workers.json'),
  ])
  expect(config.name).not.toBe('')
})

test('settings are used as given, and folders made absolute', () => {
  const config = readConfig({
    ...enough,
    AGENT_HOME: 'here',
    MODULES_DIR: '/m',
    MAX_RUNS: '3',
    AGENT_NAME: 'gpu-1',
    MILLRACE_QUEUE: 'http',
  })
  expect(config).toMatchObject({
    home: resolve('here'),
    modulesDir: '/m',
    maxRuns: 3,
    name: 'gpu-1',
    queue: 'http',
  })
  expect(config.workersFiles).toEqual(['/workers.yaml', '/workers.json'])
  expect(readConfig({ ...enough, WORKERS_FILE: 'w.json' }).workersFiles).toEqual([resolve('w.json')])
})

test('all faults are reported at once', () => {
  const read = () =>
    readConfig({ MILLRACE_URL: 'ftp://x', MAX_RUNS: 'many', MILLRACE_QUEUE: 'pigeon', LOG_LEVEL: 'loud' })
  expect(read).toThrow(ConfigFaults)
  expect(read).toThrow(
    /MILLRACE_URL[\s\S]*MILLRACE_AGENT_KEY[\s\S]*MILLRACE_QUEUE[\s\S]*MAX_RUNS[\s\S]*LOG_LEVEL/,
  )
})

test('a faulty key is not repeated in the message', () => {
  expect(() => readConfig({ MILLRACE_URL: 'nowhere', MILLRACE_AGENT_KEY: 'very-secret' })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('very-secret') }),
  )
})

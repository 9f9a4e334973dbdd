import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startServers } from '../servers/start-servers.ts'
import { MissingTools } from './missing-tools.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-missing-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

it('names every tool that is missing, at once, before anything is started', async () => {
  const failed = await startServers({ home, cache: join(home, 'cache'), env: { PATH: '/nowhere' } }).catch(
    (error: unknown) => error,
  )
  expect(failed).toBeInstanceOf(MissingTools)
  expect(failed).toMatchObject({ missing: expect.arrayContaining(['go', 'java', 'mvn']) })
  expect(String(failed)).toContain('cannot get mongo, nats-server, minio, mc: ')
  for (const word of ['Go (', 'Java 17', 'Maven', 'MONGODB_URL']) expect(String(failed)).toContain(word)
})

it('does not ask for the tools of servers that are given', async () => {
  const env = { PATH: '/nowhere', MONGODB_URL: 'mongodb://db.example/millrace' }
  const failed = await startServers({ home, cache: join(home, 'cache'), env }).catch(
    (error: unknown) => error,
  )
  expect(failed).toMatchObject({ name: 'MissingTools', missing: ['go'] })
})

import { expect, inject, test } from 'vitest'
import { ownDatabase } from '../support/api-in-process.ts'
import { apiProcess } from '../support/api-process.ts'
import { cuttable } from '../support/cuttable.ts'
import { until } from '../support/until.ts'

test('the API ends when it is asked to, also while its servers are away', async () => {
  const servers: Record<string, string> = inject('servers')
  const database = await cuttable(ownDatabase(servers.MONGODB_URL ?? ''))
  const nats = await cuttable(servers.NATS_URL ?? '')
  const api = await apiProcess(
    { ...servers, MONGODB_URL: database.url, NATS_URL: nats.url },
    'an-admin-key-for-tests',
  )
  const program = await api.start()
  for (const way of [database, nats]) way.cut()
  await until('a job of the tick fails', 30, () => program.lines.some((line) => line.includes('"job"')))
  const startedAt = Date.now()
  program.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 0, signal: null })
  // One try to find the database lasts five seconds; no further one begins.
  expect(Date.now() - startedAt).toBeLessThan(15_000)
  for (const way of [database, nats]) way.close()
})

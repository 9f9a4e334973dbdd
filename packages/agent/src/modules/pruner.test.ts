import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openRunnables } from './passed-versions.ts'
import { keepPruned } from './pruner.ts'

test('an unreadable home, such as a disconnected network drive, causes only a warning', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-pruner-'))
  await rm(home, { recursive: true })
  const warnings: object[] = []
  const pruner = keepPruned({
    home,
    runnables: openRunnables(home),
    ask: () => undefined,
    logger: { warn: (detail) => void warnings.push(detail) },
  })
  await pruner.now({ v: 2, folders: {}, disabled: [], digests: {} })
  expect(warnings).toMatchObject([{ err: { code: 'ENOENT' } }])
  pruner.close()
})

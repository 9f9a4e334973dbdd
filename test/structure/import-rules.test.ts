import { glob } from 'node:fs/promises'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { violations } from './import-rules.ts'
import { importsOf } from './imports.ts'

const root = resolve(import.meta.dirname, '..', '..')

test('no file imports what the architecture forbids', async () => {
  const files = await Array.fromAsync(
    glob('{packages,infra,demo,test,bench}/**/*.ts', {
      cwd: root,
      exclude: (name) => name === 'node_modules',
    }),
  )
  expect(files.length).toBeGreaterThan(100)
  const imports = (await Promise.all(files.map((file) => importsOf(root, file)))).flat()
  expect(imports.length).toBeGreaterThan(300)
  expect(violations(imports)).toEqual([])
})

test.each([
  ['packages/shared/src/task.ts', 'node:fs'],
  ['packages/api/src/routes/tasks.ts', 'mongodb'],
  ['packages/api/src/store/store.ts', 'packages/api/src/bus/bus.ts'],
  ['packages/api/src/operations/claim.ts', 'packages/api/src/routes/tasks.ts'],
  ['packages/api/src/operations/task/transitions.ts', 'packages/api/src/ports.ts'],
  ['packages/api/src/operations/cancel.ts', 'packages/api/src/operations/task/move.ts'],
  ['packages/api/src/operations/queue/slots.ts', 'packages/api/src/operations/settle/settle.ts'],
  ['packages/api/src/operations/settle/settle.ts', 'packages/api/src/operations/cancel.ts'],
  ['packages/agent/src/agent.ts', 'packages/api/src/index.ts'],
  ['packages/agent/src/agent.ts', '@millrace/shared'],
  ['packages/agent/src/process/classify-outcome.ts', 'packages/agent/src/modules/catalogue.ts'],
  ['test/e2e/a.test.ts', 'packages/api/src/app.ts'],
  ['infra/src/start.ts', '@millrace/shared'],
])('%s may not import %s', (from, to) => {
  expect(violations([{ from, to }])).not.toEqual([])
})

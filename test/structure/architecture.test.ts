import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { namedPaths } from './named-paths.ts'

const root = resolve(import.meta.dirname, '..', '..')

test('every file and folder that docs/architecture.md names is there', async () => {
  const named = await namedPaths(join(root, 'docs/architecture.md'))
  const files = named.filter((path) => !path.endsWith('/'))
  expect(files.length).toBeGreaterThanOrEqual(15)
  const missing = []
  for (const path of named) if (!(await exists(join(root, path)))) missing.push(path)
  expect(missing).toEqual([])
})

test('docs/architecture.md names the file of each step of a task', async () => {
  const named = new Set(await namedPaths(join(root, 'docs/architecture.md')))
  const steps =
    'submit claim finish cancel expire-run settle/settle settle/admit settle/finalize settle/requeue settle/resume queue/assignment agents/session'.split(
      ' ',
    )
  const wanted = [
    ...steps.map((step) => `packages/api/src/operations/${step}.ts`),
    'packages/api/src/tick/tick.ts',
    'packages/api/src/http/long-poll.ts',
    'packages/agent/src/runs/run-assignment.ts',
    'packages/agent/src/report/spool.ts',
  ]
  expect(wanted.filter((path) => !named.has(path))).toEqual([])
})

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fixtureFolder } from '../support/agent-process.ts'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

/** A module is edited in its folder while its tasks run, without a request for a scan. */

let here: Installation
beforeAll(async () => {
  here = await installation(['needs-six'], { agent: { MAX_RUNS: '4' } })
  await here.agent.available(here.client)
})
afterAll(() => here?.close())

const folder = () => join(here.agent.modulesDir, 'needs-six')
const environments = () => readdir(join(here.agent.home, 'agent', 'envs'))
const entries = async () => (await here.client.module('needs-six')).agents

async function run(): Promise<unknown> {
  const { id } = await here.client.createTask({ module: 'needs-six' })
  const task = await here.client.task(id, 60)
  if (task.status !== 'succeeded') throw new Error(`${task.status}: ${task.error?.message}`)
  return task.result?.answer
}

test('no task fails, new ones run the new code once it passed, and its environment stays', async () => {
  const before = await environments()
  const old = await run()
  const code = await readFile(join(folder(), 'main.py'), 'utf8')
  let edited = false
  const answers: unknown[] = []
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      while (answers.at(-1) !== 'new code') {
        answers.push(await run())
        if (answers.length < 6 || edited) continue
        edited = true
        await writeFile(join(folder(), 'main.py'), code.replace('six.__version__', '"new code"'))
      }
    }),
  )
  expect(new Set(answers)).toEqual(new Set([old, 'new code']))
  expect(await environments()).toEqual(before)
})

test('after requirements that cannot be installed, the contents that passed keep serving, and the reason is shown', async () => {
  await writeFile(join(folder(), 'requirements.txt'), 'millrace-there-is-no-such-package==1.0\n')
  const broken = await until('the change is found out', 60, async () =>
    (await entries()).find((entry) => entry.status === 'ERROR'),
  )
  expect(broken.error).toMatch(/cannot be installed: .*millrace-there-is-no-such-package/s)
  expect((await here.client.module('needs-six')).status).toBe('AVAILABLE')
  expect(await run()).toBe('new code')

  await rm(folder(), { recursive: true })
  await cp(fixtureFolder('needs-six'), folder(), { recursive: true })
  await until('it is as it was', 60, async () => {
    const all = await entries()
    return all.length === 1 && all[0]?.status === 'AVAILABLE' && (await run()) !== 'new code'
  })
})

test('without its folder it is gone', async () => {
  await rm(folder(), { recursive: true })
  await until('it is gone', 30, async () => {
    const { items } = await here.client.listModules()
    return items.length === 0
  })
})

import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Task } from '@millrace/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Installation, installation } from '../support/installation.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { expectQuiet } from '../support/quiet.ts'
import { until } from '../support/until.ts'

/** An agent whose folder is on a separate small disk. Needs the right to mount one. */

const run = promisify(execFile)
let disk: string
let here: Installation
beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'millrace-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'none', disk])
  here = await installation(['misbehave'], {
    agent: { AGENT_HOME: join(disk, 'agent'), MIN_FREE_DISK_FOR_RUNS_GB: '0.03', MAX_RUNS: '2' },
    api: { SESSION_TTL_SECONDS: '4', HEARTBEAT_SECONDS: '1' },
  })
  await here.agent.available(here.client)
})
afterAll(async () => {
  await here?.close()
  await run('umount', [disk])
  await rm(disk, { recursive: true, force: true })
})

const create = (inputs: Record<string, string | number>) =>
  here.client.createTask({ module: 'misbehave', inputs })
const ended = (id: Task['id']) =>
  until(`task ${id} has ended`, 60, async () => {
    const task = await here.client.task(id)
    return task.finishedAt !== null && task
  })
const free = async () => {
  const { bavail, bsize } = await statfs(disk)
  return bavail * bsize
}
const filler = () => join(disk, 'filler')
/** All but this number of bytes. */
const fill = async (left: number) => writeFile(filler(), Buffer.alloc((await free()) - left))
const told = (text: string) => here.agent.program.lines.filter((line) => line.includes(text))

test('a disk that is full takes no new work, and loses none that was accepted', async () => {
  const accepted = await Promise.all([
    create({ do: 'sleep', seconds: 3 }),
    create({ do: 'sleep', seconds: 3 }),
  ])
  await until('both run', 30, async () =>
    (await Promise.all(accepted.map(({ id }) => processesOfTask(id)))).every((pids) => pids.length > 0),
  )
  await fill(0)
  await until('the agent says so', 10, () => told('the disk is nearly full').length === 1)
  const waiting = await create({ do: 'behave' })
  // The session ends meanwhile: the agent registers again, although it cannot write that to the disk.
  here.agent.program.kill('SIGSTOP')
  await until(
    'its session has ended',
    60,
    async () => (await here.client.task(accepted[0]?.id ?? 'tsk_')).status === 'queued',
  )
  here.agent.program.kill('SIGCONT')
  for (const { id } of accepted)
    expect(await ended(id)).toMatchObject({ status: 'succeeded', currentRun: `${id}.1` })
  await expectQuiet(
    here.store,
    accepted.map(({ id }) => id),
  )
  expect(await here.client.task(waiting.id)).toMatchObject({ status: 'queued', attempt: 1 })
  expect(await free()).toBeLessThan(1024 * 1024)

  await rm(filler())
  expect(await ended(waiting.id)).toMatchObject({ status: 'succeeded', attempt: 1 })
  expect(told('the disk is nearly full')).toHaveLength(1)
  expect(told('the disk has room again')).toHaveLength(1)
  expect(here.agent.program.hasEnded()).toBe(false)
})

test('a result that waits for the API on a disk that fills up is reported after all', async () => {
  const task = await create({ do: 'sleep', seconds: 2 })
  await until('it runs', 30, async () => (await processesOfTask(task.id)).length > 0)
  here.api.program.kill('SIGKILL')
  await here.api.program.ended
  await fill(0)
  await until('its process has ended', 30, async () => (await processesOfTask(task.id)).length === 0)
  await here.api.start()
  expect(await ended(task.id)).toMatchObject({ status: 'succeeded', currentRun: `${task.id}.1` })
  await rm(filler())
  await expectQuiet(here.store, [task.id])
})

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lives, until } from '../../../fixtures/run-fixture.ts'
import { endOrphans, processRecords } from './process-records.ts'
import { entryOf, processTable } from './process-table.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'records-'))
})
afterEach(() => rm(home, { recursive: true }))

const path = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)))
/** A minimal agent: starts the fixture, prints its process ids, and lives on. */
const agent = `
import { startFixture } from ${path('../../../fixtures/run-fixture.ts')}
import { startWatchdog } from ${path('./watchdog.ts')}
const [deed, records] = process.argv.slice(-2)
const run = await startFixture({ do: deed, seconds: 600 }, startWatchdog(records))
if (deed === 'ignore-sigterm') await run.said('ignoring')
else console.log(await run.said('child '))
console.log(run.running.pid)
console.log('ready')
`

test.each(['ignore-sigterm', 'detach-grandchild', 'clear-environment'])(
  '%s outlives a killed agent and watchdog, but not the next start',
  async (deed) => {
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', agent, deed, home], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pids: number[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready') break
      pids.push(Number(line))
    }
    const watchdog = await until(() =>
      processTable().find((entry) => entry.parent === child.pid && !pids.includes(entry.pid)),
    )
    const exited = once(child, 'exit')
    // Kill the watchdog first: it must not see the end of its pipe.
    process.kill(watchdog.pid, 'SIGKILL')
    child.kill('SIGKILL')
    await exited
    expect(pids.every(lives)).toBe(true)
    expect(await readdir(home)).toHaveLength(1)
    expect(await endOrphans(home)).toBe(pids.length)
    await until(() => !pids.some(lives))
    expect(await readdir(home)).toEqual([])
  },
)

test('spares a process that now has the recorded id, and its group', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true })
  const { pid } = other
  if (pid === undefined) throw new Error('it did not start')
  const records = processRecords(home)
  const marker = randomUUID()
  records.began(marker, pid)
  const name = join(home, `${marker}.json`)
  const written = JSON.parse(await readFile(name, 'utf8'))
  expect(written).toMatchObject({ pid, startTime: entryOf(pid)?.startTime })
  for (const earlier of [
    { ...written, startTime: String(Number(written.startTime) - 1) },
    { ...written, boot: 'another start of the machine' },
    { ...written, startTime: null },
  ]) {
    await writeFile(name, JSON.stringify(earlier))
    expect(await endOrphans(home)).toBe(0)
    expect(await readdir(home)).toEqual([])
    expect(lives(pid)).toBe(true)
  }
  await mkdir(home, { recursive: true })
  await writeFile(name, JSON.stringify(written))
  expect(await endOrphans(home)).toBe(1)
  await until(() => !lives(pid))
})

test('finds a process by the marker of a partial or early record', async () => {
  const markers = [randomUUID(), randomUUID()]
  const left = markers.map((marker) =>
    spawn('/bin/sleep', ['600'], { detached: true, env: { MILLRACE_PROCESS: marker } }),
  )
  await until(() => left.every(({ pid }) => pid && lives(pid)))
  processRecords(home).expect(markers[0] ?? '')
  await writeFile(join(home, `${markers[1]}.json`), '{"boot":')
  expect(await endOrphans(home)).toBe(2)
  await until(() => !left.some(({ pid }) => pid && lives(pid)))
})

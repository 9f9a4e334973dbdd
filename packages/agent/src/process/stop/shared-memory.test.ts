import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { python, until } from '../../../fixtures/run-fixture.ts'
import { type RunProcessOptions, runProcess } from '../run-process.ts'
import { watchSharedMemory } from './shared-memory.ts'
import { startWatchdog, type Watchdog } from './watchdog.ts'

/** Makes a segment of 3 MiB and prints its name; Python no longer knows of it, so it will not remove it. */
const make = `
import os, signal, sys, time
from multiprocessing import resource_tracker, shared_memory
def make(size=3 << 20):
    memory = shared_memory.SharedMemory(create=True, size=size)
    memory.buf[:] = b"x" * size
    resource_tracker.unregister(memory._name, "shared_memory")
    print("made", memory.name, flush=True)
    return memory
`
const stubborn = `${make}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
kept = make()
time.sleep(600)`

let watchdog: Watchdog
let others: string[]
beforeAll(() => {
  watchdog = startWatchdog()
})
afterAll(() => watchdog.close())
beforeEach(() => {
  others = []
})
afterEach(() => {
  for (const name of others) rmSync(`/dev/shm/${name}`, { force: true, recursive: true })
})

function start(code: string, more: Partial<RunProcessOptions> = {}) {
  const made: string[] = []
  const running = runProcess({
    ...{ command: python, args: ['-c', code], cwd: tmpdir(), env: { PATH: '/usr/bin:/bin' }, watchdog },
    graceMs: 100,
    onLine(_, line) {
      const [, name] = /^made (\S+)/.exec(line) ?? []
      if (name) made.push(name)
    },
    ...more,
  })
  return { running, made, hasMade: (n: number) => until(() => made.length >= n) }
}
/** Root may remove anything; the permissions of files hold for others. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65534)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

const left = (names: string[]) => names.filter((name) => existsSync(`/dev/shm/${name}`))

describe.runIf(process.platform === 'linux')('shared memory of a run', () => {
  it('is removed with a cancelled run, and its size is reported', async () => {
    const { running, made, hasMade } = start(stubborn)
    await hasMade(1)
    running.stop('cancelled')
    const { sharedMemory } = await running.ended
    expect(left(made)).toEqual([])
    expect(sharedMemory).toEqual({ segments: 1, bytes: 3 << 20 })
  })

  it('is removed after a timeout', async () => {
    const { running, made } = start(stubborn, { timeoutSeconds: 2 })
    expect(await running.ended).toMatchObject({ stopReason: 'timed_out', sharedMemory: { segments: 1 } })
    expect([made.length, left(made)]).toEqual([1, []])
  })

  it('is removed after a run that kills itself and all its children', async () => {
    const { running, made } = start(
      `${make}\nkept = make()\ntime.sleep(0.3)\nos.killpg(os.getpgrp(), signal.SIGKILL)`,
    )
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL', sharedMemory: { segments: 1 } })
    expect([made.length, left(made)]).toEqual([1, []])
  })

  it('is removed if a child in a separate session made it', async () => {
    const code = `${make}
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kept = make()
    time.sleep(600)
time.sleep(600)`
    const { running, made, hasMade } = start(code)
    await hasMade(1)
    running.stop('cancelled')
    await running.ended
    expect(left(made)).toEqual([])
  })

  it('is removed together with its folder', async () => {
    const name = `joblib_memmapping_folder_x_${process.pid}`
    others.push(name)
    const code = `${make}
import mmap
os.mkdir("/dev/shm/${name}")
with open("/dev/shm/${name}/one.pkl", "w+b") as file:
    file.truncate(4096)
    kept = mmap.mmap(file.fileno(), 4096)
    print("made ${name}", flush=True)
    time.sleep(600)`
    const { running, made, hasMade } = start(code)
    await hasMade(1)
    running.stop('cancelled')
    await running.ended
    expect(left(made)).toEqual([])
  })

  it('that cannot be removed stays, and is no reason to fail', async () => {
    const shared = watchSharedMemory()
    const folder = `/dev/shm/kept-${process.pid}`
    others = [`kept-${process.pid}`]
    mkdirSync(folder)
    const open = openSync(`${folder}/segment`, 'w')
    shared.look([process.pid])
    closeSync(open)
    chmodSync(folder, 0o555)
    await asOrdinaryUser(async () => expect(await shared.end()).toBeNull())
    expect(existsSync(`${folder}/segment`)).toBe(true)
  })

  it('of other programs stays: earlier segments, open ones, and those made meanwhile', async () => {
    const before = `psm_before_${process.pid}`
    const during = `psm_during_${process.pid}`
    others.push(before, during)
    writeFileSync(`/dev/shm/${before}`, 'of another program')
    const holder = spawn(python, ['-c', `${make}\nkept = make(4096)\ntime.sleep(600)`])
    const [line] = await once(createInterface({ input: holder.stdout }), 'line')
    const held = String(line).split(' ')[1] ?? ''
    others.push(held)
    const attach = `${make}
own = make()
other = shared_memory.SharedMemory(name="${held}")
resource_tracker.unregister(other._name, "shared_memory")
old = open("/dev/shm/${before}")
later = None
for line in sys.stdin:
    later = shared_memory.SharedMemory(name=line.strip())
    resource_tracker.unregister(later._name, "shared_memory")
    print("made nothing", flush=True)`
    const { running, made, hasMade } = start(attach)
    await hasMade(1)
    // It was made after the run began, and both the run and its maker have it open.
    const late = spawn(python, ['-c', `${make}\nkept = make(4096)\ntime.sleep(600)`])
    const [second] = await once(createInterface({ input: late.stdout }), 'line')
    const lateName = String(second).split(' ')[1] ?? ''
    others.push(lateName)
    writeFileSync(`/dev/shm/${during}`, 'of another program')
    running.stop('cancelled')
    const { sharedMemory } = await running.ended
    expect(sharedMemory).toMatchObject({ segments: 1 })
    expect([left(made), left([before, held, lateName, during]).length]).toEqual([[], 4])
    for (const child of [holder, late]) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })

  it('is removed with a run whose agent is killed', async () => {
    const agent = `
import { runProcess } from ${JSON.stringify(fileURLToPath(new URL('../run-process.ts', import.meta.url)))}
import { startWatchdog } from ${JSON.stringify(fileURLToPath(new URL('./watchdog.ts', import.meta.url)))}
const [command, code] = process.argv.slice(-2)
runProcess({ command, args: ['-c', code], cwd: '/tmp', env: { PATH: '/usr/bin:/bin' }, watchdog: startWatchdog(),
  onLine: (_, line) => console.log(line) })`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', agent, python, stubborn], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const name = String(line).split(' ')[1] ?? ''
    others.push(name)
    expect(readdirSync('/dev/shm')).toContain(name)
    child.kill('SIGKILL')
    await until(() => !existsSync(`/dev/shm/${name}`))
  })
})

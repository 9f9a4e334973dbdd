import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type FixtureOptions,
  type FixtureRun,
  lives,
  processesWith,
  python,
  startFixture,
} from '../../fixtures/run-fixture.ts'
import { type RunProcessOptions, runProcess } from './run-process.ts'
import { startWatchdog, type Watchdog } from './stop/watchdog.ts'

let watchdog: Watchdog
let run: FixtureRun | undefined
beforeAll(() => {
  watchdog = startWatchdog()
})
afterEach(async () => {
  run?.running.stop('shutdown')
  await run?.running.ended
  await run?.clean()
  run = undefined
})
afterAll(() => watchdog.close())

const start = async (deed: string, inputs = {}, options: FixtureOptions = {}) => {
  run = await startFixture({ do: deed, ...inputs }, watchdog, options)
  return run
}

it("a module has no sandbox: it can read files that only the agent's user may read", async () => {
  const home = await mkdtemp(join(tmpdir(), 'agent-home-'))
  await writeFile(join(home, 'key'), 'mlr_a-key', { mode: 0o600 })
  const args = ['-c', `print(open(${JSON.stringify(join(home, 'key'))}).read())`]
  const { running, lines } = await start('', {}, { args })
  expect(await running.ended).toMatchObject({ exitCode: 0 })
  expect(lines).toEqual([{ stream: 'stdout', line: 'mlr_a-key' }])
  await rm(home, { recursive: true })
})

describe('a run that ends by itself', () => {
  it('reports exit code, result line and stderr tail', async () => {
    const { running, lines } = await start('fail-for-good')
    expect(await running.ended).toEqual({
      exitCode: 2,
      signal: null,
      stopReason: null,
      lastJsonLine:
        '{"status": "error", "error": {"type": "Misbehaved", "message": "never", "retry_possible": false}}',
      usage: { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null },
      startError: null,
      stderrTail: [],
      stdoutTail: [],
      printed: { isWeak: false, fault: null, notes: [] },
    })
    expect(lines).toEqual([])
  })

  it('keeps standard error apart', async () => {
    const { running, lines } = await start('exit-3')
    expect(await running.ended).toMatchObject({ exitCode: 3, stderrTail: ['leaving with 3'] })
    expect(lines).toEqual([{ stream: 'stderr', line: 'leaving with 3' }])
  })

  it('names the signal that killed it', async () => {
    const { running } = await start('die-by-signal')
    expect(await running.ended).toMatchObject({ exitCode: null, signal: 'SIGSEGV', stopReason: null })
  })

  it('reads what is not UTF-8 as Windows-1252 and joins halves of a character', async () => {
    const { running, lines } = await start('print-broken-text')
    await running.ended
    expect(lines.map(({ line }) => line)).toEqual(['broken ÿþ bytes', 'half € whole'])
  })

  it('separates progress from log', async () => {
    const { running, lines, progress } = await start('print-bare-progress')
    await running.ended
    expect({ lines, progress }).toEqual({ lines: [], progress: [40] })
  })

  it('measures memory and processor time of longer runs', async () => {
    const { running, progress } = await start('sleep', { seconds: 2.5 })
    const { usage } = await running.ended
    expect(usage.peakRamBytes).toBeGreaterThan(1e6)
    expect(usage.cpuSeconds).toBeGreaterThan(0)
    expect(progress.length).toBeGreaterThan(10)
  })

  it('reports why it could not start', async () => {
    const options = { args: [], env: {}, timeoutSeconds: 5, watchdog, onLine: () => undefined }
    const missing = runProcess({ ...options, command: '/nowhere/python', cwd: tmpdir() })
    expect((await missing.ended).startError).toMatch(/\/nowhere\/python could not be started: .*ENOENT/)
    const nowhere = runProcess({ ...options, command: python, cwd: '/nowhere' })
    expect((await nowhere.ended).startError).toContain('the folder /nowhere does not exist')
  })
})

describe('a flood', () => {
  it('of lines passes through without growing memory', async () => {
    let count = 0
    let most = 0
    const before = process.memoryUsage.rss()
    const { running } = await start(
      'flood',
      {},
      {
        onLine: () => {
          count += 1
          if (count % 1000 === 0) most = Math.max(most, process.memoryUsage.rss() - before)
        },
      },
    )
    const end = await running.ended
    expect(count).toBe(1_000_000)
    expect(end.lastJsonLine).toContain('"success"')
    expect(most).toBeLessThan(150e6)
  })

  it('without an end of line is cut, marked, and leaves the result readable', async () => {
    const { running, lines } = await start('flood-one-line')
    const end = await running.ended
    expect(lines).toHaveLength(1)
    expect(lines[0]?.line.length).toBeLessThan(70_000)
    expect(lines[0]?.line).toMatch(/x … \[line cut, 99934464 bytes more\]$/)
    expect(end.lastJsonLine).toContain('"success"')
  })

  it('waits for a slow reader', async () => {
    let atOnce = 0
    let most = 0
    const { running } = await start(
      'flood',
      {},
      {
        onLine: async () => {
          atOnce += 1
          most = Math.max(most, atOnce)
          await new Promise(setImmediate)
          atOnce -= 1
        },
      },
    )
    await running.ended
    // One chunk of 64 KiB at a time.
    expect(most).toBeLessThan(1400)
  })
})

describe('stopping', () => {
  it('sends a request first: a cooperative module ends by itself', async () => {
    const { running, said } = await start('heed-cancel')
    await said('listening')
    running.stop('cancelled')
    running.stop('timed_out')
    expect(await said('heard ')).toBe('{"type":"cancel"}')
    expect(await running.ended).toMatchObject({ exitCode: 130, signal: null, stopReason: 'cancelled' })
  })

  it('sends SIGTERM, then SIGKILL to a module that ignores it', async () => {
    const { running, said } = await start('ignore-sigterm')
    await said('ignoring')
    const startedAt = performance.now()
    running.stop('cancelled')
    expect(await running.ended).toMatchObject({ exitCode: null, signal: 'SIGKILL', stopReason: 'cancelled' })
    expect(performance.now() - startedAt).toBeGreaterThan(590)
  })

  it('sends SIGTERM to a module that does not read its input', async () => {
    const { running } = await start('sleep', {}, { timeoutSeconds: 0.3 })
    expect(await running.ended).toMatchObject({ signal: 'SIGTERM', stopReason: 'timed_out' })
  })

  it('shortens the grace when the agent shuts down, but keeps the first reason', async () => {
    const { running, said } = await start('ignore-sigterm', {}, { graceMs: undefined })
    await said('ignoring')
    const startedAt = performance.now()
    running.stop('cancelled')
    running.stop('shutdown')
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL', stopReason: 'cancelled' })
    expect(performance.now() - startedAt).toBeLessThan(6000)
  })

  it('reaches a grandchild in a separate session', async () => {
    const { running, said } = await start('detach-grandchild', { seconds: 600 })
    const child = Number(await said('child '))
    expect(lives(child)).toBe(true)
    running.stop('cancelled')
    await running.ended
    // A killed process loses its environment, by which it would be found, a moment before the system shows it as gone.
    await expect.poll(() => lives(child), { timeout: 1_000 }).toBe(false)
  })
})

describe('processes that a module leaves', () => {
  it.each(['leave-child', 'detach-grandchild'])(
    '%s: the agent ends them before the run counts as ended',
    async (deed) => {
      const { running, said } = await start(deed)
      const end = await running.ended
      expect(end).toMatchObject({ exitCode: 0, stopReason: null })
      expect(end.lastJsonLine).toContain('"success"')
      expect(lives(Number(await said('child ')))).toBe(false)
    },
  )

  it.each(['hold-pipes', 'clear-environment', 'daemonize', 'fork-bomb'])(
    '%s: the agent finds them outside group, session and environment',
    async (deed) => {
      const startedAt = performance.now()
      const { running, lines } = await start(deed)
      expect(await running.ended).toMatchObject({ exitCode: 0 })
      expect(performance.now() - startedAt).toBeLessThan(5000)
      const child = lines.find(({ line }) => line.startsWith('child '))
      if (child) expect(lives(Number(child.line.slice(6)))).toBe(false)
      expect(processesWith(`MILLRACE_OUTPUT_DIR=${run?.outputDir}`)).toEqual([])
    },
  )

  it('stop with the run', async () => {
    const { running, said } = await start('clear-environment', { seconds: 600 })
    const child = Number(await said('child '))
    expect(lives(child)).toBe(true)
    running.stop('cancelled')
    await running.ended
    await expect.poll(() => lives(child), { timeout: 1_000 }).toBe(false)
  })
})

describe('a limit', () => {
  const over = async (deed: string, options: FixtureOptions) => {
    const { running } = await start(deed, {}, { timeoutSeconds: 60, ...options })
    const end = await running.ended
    expect(end.stopReason).toBe('over_limit')
    return { ...end, error: (await run?.verdict())?.error }
  }

  it('of silence stops a silent module, even one that suspended itself', async () => {
    for (const deed of ['be-silent', 'stop-itself']) {
      const { error, signal } = await over(deed, { limits: { silenceSeconds: 0.5 } })
      expect(signal).toBe('SIGTERM')
      expect(error).toMatchObject({ code: 'timed_out', retryable: true })
      expect(error?.message).toContain('0.5 s (RUN_SILENCE_SECONDS')
      await run?.clean()
    }
  })

  it('of silence does not stop a module that reports progress', async () => {
    const { running } = await start('sleep', { seconds: 1.5 }, { limits: { silenceSeconds: 0.8 } })
    expect(await running.ended).toMatchObject({ exitCode: 0, stopReason: null })
  })

  it('of memory counts the whole tree', async () => {
    const { error, usage } = await over('eat-memory', { limits: { memoryBytes: 300e6 } })
    expect(error).toMatchObject({ code: 'out_of_memory', retryable: true })
    expect(error?.message).toMatch(/took \d+ MiB of memory, more than the 287 MiB .*RUN_MEMORY_MB/)
    expect(usage.peakRamBytes).toBeGreaterThan(300e6)
  })

  it('of disk stops a module that exceeds it', async () => {
    const { error } = await over('fill-disk', withFolders({ diskBytes: 100e6 }))
    expect(error).toMatchObject({ code: 'bad_output', retryable: false })
    expect(error?.message).toMatch(/more than the 96 MiB .*RUN_DISK_GB/)
  })

  it('of outputs also applies after the end', async () => {
    const { error } = await over('write-too-much', withFolders({ outputBytes: 100e6 }))
    expect(error).toMatchObject({ code: 'bad_output', retryable: false })
    expect(error?.message).toMatch(/has 150 MiB, more than the 96 MiB .*RUN_OUTPUT_GB/)
  })
})

const withFolders = (limits: RunProcessOptions['limits']) => ({ limits, measured: true })

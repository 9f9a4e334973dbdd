import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Progress, RunUsage } from '@millrace/shared'
import { afterAwake } from '../wakefulness.ts'
import { endLeftovers } from './end-leftovers.ts'
import { leftovers, markerVariable, signalAll, type Tree } from './leftovers.ts'
import { readLines } from './read-lines.ts'
import { sortOutput } from './sort-output.ts'
import { type Ladder, startLadder } from './stop-ladder.ts'
import { watchUsage } from './usage.ts'
import type { Watchdog } from './watchdog.ts'

/** Why the agent ended a process. */
export type StopReason = 'cancelled' | 'timed_out' | 'shutdown' | 'superseded'

export type ProcessEnd = {
  exitCode: number | null
  signal: string | null
  stopReason: StopReason | null
  /** The last line of standard output that can be a result. */
  lastJsonLine: string | null
  usage: RunUsage
  /** Why it could not be started at all. */
  startError: string | null
  /** Its last lines on standard error. */
  stderrTail: string[]
}

export type RunProcessOptions = {
  command: string
  args: string[]
  cwd: string
  env: Record<string, string>
  /** Of time in which this machine is awake. */
  timeoutSeconds: number
  /** All that it gets on standard input. With this it knows of no requests and is stopped by signals only. */
  input?: string
  /** Keys by which its result line is known, where they are not those of a module. */
  resultKeys?: readonly string[]
  watchdog: Watchdog
  /** A returned promise holds back further output of that stream until it is settled. */
  onLine(stream: 'stdout' | 'stderr', line: string): void | Promise<void>
  onProgress?(progress: Progress): void
  /** Between the steps of a stop; 5 s, and 2 s on shutdown. */
  graceMs?: number
}

export type RunningProcess = {
  pid: number | undefined
  /** The first reason stands; `shutdown` makes a stop under way hurry. */
  stop(reason: StopReason): void
  /** Resolves, and never rejects, when no process of the whole tree is left. */
  ended: Promise<ProcessEnd>
}

const graceOf = (reason: StopReason) => (reason === 'shutdown' ? 2000 : 5000)
/** What outlives the module's own process has had its chance to end. */
const leftoverGraceMs = 1000
/** Nothing of the tree lives any more: what a pipe still holds comes at once, or somebody unknown keeps it open. */
const drainMs = 500
/** After this long, process ids may have gone once around. */
const longLivedMs = 60_000

/** Starts a program in a process group of its own and follows it until nothing of it is left. */
export function runProcess(options: RunProcessOptions): RunningProcess {
  const marker = randomUUID()
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...options.env, [markerVariable]: marker },
    // On Windows `detached` would open a console window and give no group that can be signalled.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const { pid } = child
  if (pid === undefined) return notStarted(child, options)
  options.watchdog.watch(pid, marker)
  return follow(child, pid, marker, options)
}

function follow(
  child: ChildProcessWithoutNullStreams,
  pid: number,
  marker: string,
  options: RunProcessOptions,
): RunningProcess {
  const startedAt = Date.now()
  const tree = (): Tree => ({ group: pid, marker, longLived: Date.now() - startedAt > longLivedMs })
  const output = sortOutput(options)
  readLines(child.stdout, output.stdout)
  readLines(child.stderr, output.stderr)
  const drained = Promise.all([closed(child.stdout), closed(child.stderr)])
  const usage = watchUsage(pid)
  // Whoever closes its input does not read: neither its task nor a request to stop.
  child.stdin.on('error', () => child.stdin.destroy())
  if (options.input !== undefined) child.stdin.end(options.input)

  let stopReason: StopReason | null = null
  let ladder: Ladder | null = null
  let exited = false
  const stop = (reason: StopReason) => {
    if (exited) return
    const grace = options.graceMs ?? graceOf(reason)
    if (ladder) return reason === 'shutdown' ? ladder.hurry(grace) : undefined
    stopReason = reason
    ladder = startLadder(stopSteps(child, tree, options.input === undefined), grace)
  }
  const timeout = afterAwake(options.timeoutSeconds * 1000, () => stop('timed_out'))

  const follow = async (): Promise<ProcessEnd> => {
    const [exitCode, signal] = await exitOf(child)
    exited = true
    timeout.clear()
    ladder?.end()
    await endLeftovers(tree(), Math.min(leftoverGraceMs, options.graceMs ?? leftoverGraceMs))
    await within(drained, drainMs)
    child.stdin.destroy()
    child.stdout.destroy()
    child.stderr.destroy()
    options.watchdog.unwatch(pid)
    return {
      exitCode,
      signal,
      stopReason,
      lastJsonLine: output.lastJsonLine(),
      usage: usage.end(),
      startError: null,
      stderrTail: output.stderrTail(),
    }
  }
  return { pid, stop, ended: follow() }
}

/** Asks who can be asked, then closes input and terminates, then kills; each step reaches the whole tree. */
function stopSteps(
  child: ChildProcessWithoutNullStreams,
  tree: () => Tree,
  canBeAsked: boolean,
): (() => void)[] {
  return [
    ...(canBeAsked ? [() => void child.stdin.write('{"type":"cancel"}\n')] : []),
    () => {
      child.stdin.end()
      endTree(child, tree(), 'SIGTERM')
    },
    () => endTree(child, tree(), 'SIGKILL'),
  ]
}

function endTree(child: ChildProcessWithoutNullStreams, tree: Tree, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (process.platform !== 'win32') {
    signalAll(leftovers(tree), signal)
    return
  }
  // Windows knows no request to end: the first signal is already the last.
  execFile('taskkill', ['/pid', String(tree.group), '/T', '/F'], { windowsHide: true }, (error) => {
    if (error) child.kill('SIGKILL')
  })
}

async function exitOf(child: ChildProcessWithoutNullStreams): Promise<[number | null, string | null]> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]))
    // Signals that could not be sent are reported here; the exit follows all the same.
    child.on('error', () => undefined)
  })
}

async function closed(stream: NodeJS.EventEmitter): Promise<void> {
  await new Promise((resolve) => stream.once('close', resolve))
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([
    work,
    new Promise((resolve) => {
      timer = setTimeout(resolve, ms)
    }),
  ])
  clearTimeout(timer)
}

function notStarted(child: ChildProcessWithoutNullStreams, options: RunProcessOptions): RunningProcess {
  const ended = once(child, 'error').then(([error]): ProcessEnd => {
    const cause = existsSync(options.cwd) ? String(error) : `the folder ${options.cwd} does not exist`
    return {
      exitCode: null,
      signal: null,
      stopReason: null,
      lastJsonLine: null,
      usage: { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null },
      startError: `${options.command} could not be started: ${cause}`,
      stderrTail: [],
    }
  })
  return { pid: undefined, stop: () => undefined, ended }
}

import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Grant, Json, Progress, RunId, TaskError } from '@millrace/shared/for-agents'
import type { Logger } from 'pino'
import type { Reservation } from '../admission/reservation.ts'
import { type Mask, Secrets } from '../log/secrets.ts'
import { withHintOfPath } from '../process/beside-main.ts'
import { classifyOutcome } from '../process/classify-outcome.ts'
import type { RunLimits } from '../process/limits/limits.ts'
import type { ModuleVariables } from '../process/module-variables.ts'
import type { ProcessEnd, StopReason } from '../process/run-process.ts'
import type { RemovedMemory } from '../process/stop/shared-memory.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import { gatherOutputs } from '../report/outputs.ts'
import type { RunLog } from '../report/run-log.ts'
import type { SpooledRun } from '../report/spool.ts'
import { type Execute, executeFresh } from './execute.ts'
import { download, InputUnavailable } from './inputs/download.ts'
import { type Fetch, type PlacedInputs, placeInputs } from './inputs/place-inputs.ts'
import type { Program } from './programs.ts'

export type RunTaskDeps = {
  runsDir: string
  find(name: string, version: string, digest: string): Program | null
  openLog(run: RunId, path: string): RunLog
  onProgress(run: RunId, progress: Progress): void
  /** How a granted file gets to `path`; otherwise it is downloaded. */
  fetch?: Fetch
  /** How it is carried out; otherwise at once, in a process of its own. */
  execute?: Execute
  watchdog: Watchdog
  /** Threads each module may use. */
  threads: number
  own: NodeJS.ProcessEnv
  /** What modules are given that name it. */
  variables?: ModuleVariables
  /** Whose runs these are, for workers that ask. */
  agentId?(): string | null
  /** The time as the API has it; otherwise the clock of this machine. */
  now?(): Date
  limits?: RunLimits
  /** What no run may tell. */
  secrets?: Secrets
  logger: Logger
}
export type TaskToRun = {
  grant: Grant
  /** The same grant with fresh URLs. */
  again(): Promise<Grant | null>
  /** The room that is promised to it. */
  reservation?: Reservation
}
export type TaskRun = {
  stop(reason: StopReason): void
  /** The result; `null` when the run was superseded. Never rejects for the task's fault. */
  ended: Promise<SpooledRun | null>
}

/** Runs one granted task: inputs, process, outputs, and what came of it. */
export function startTask(deps: RunTaskDeps, task: TaskToRun): TaskRun {
  const stopping = new AbortController()
  let stopProcess: ((reason: StopReason) => void) | null = null
  const stop = (reason: StopReason) => {
    stopProcess?.(reason)
    stopping.abort(reason)
  }
  const ended = runTask(deps, task, stopping.signal, (running) => {
    stopProcess = running
  })
  return { stop, ended }
}

type Ending = Pick<SpooledRun, 'outcome' | 'outputs' | 'error'> & { end: ProcessEnd | null }

async function runTask(
  deps: RunTaskDeps,
  task: TaskToRun,
  stopped: AbortSignal,
  onStarted: (stop: (reason: StopReason) => void) => void,
): Promise<SpooledRun | null> {
  const { run } = task.grant
  const runDir = join(deps.runsDir, run)
  const now = () => (deps.now?.() ?? new Date()).toISOString()
  const startedAt = now()
  try {
    // Small and local: the way through the thread pool takes longer than the work.
    mkdirSync(join(runDir, 'out'), { recursive: true, mode: 0o700 })
  } catch (err) {
    deps.logger.error({ err, run }, 'there is no room for a run; it is handed back')
    return handedBack(run, startedAt, now())
  }
  const log = deps.openLog(run, join(runDir, 'log.ndjson'))
  const { name, version, digest } = task.grant.module
  const program = deps.find(name, version, digest)
  const given = program ? deps.variables?.of(program.manifest) : undefined
  const workers = program && 'call' in program ? program.call.env : {}
  const mask = (deps.secrets ?? new Secrets()).mask(workers, given)
  const carried = { program, runDir, log, mask, given }
  const ending = await carryOut(deps, task, carried, stopped, onStarted).catch((error: unknown) =>
    endingOfError(error, stopped),
  )
  const finishedAt = now()
  const { kept, sent } = log.close()
  const file = await kept.catch((err: unknown) => {
    deps.logger.warn({ err, run }, 'the log of a run could not be written')
    return null
  })
  if (stopped.reason === 'superseded') {
    await rm(runDir, { recursive: true, force: true })
    return null
  }
  const { end, ...outcome } = ending
  const result: SpooledRun = {
    v: 1,
    run,
    ...outcome,
    error: outcome.error && maskedError(outcome.error, mask),
    exitCode: end?.exitCode ?? null,
    signal: end?.signal ?? null,
    startedAt,
    finishedAt,
    usage: end?.usage ?? null,
    log: file && { lines: file.lines, bytes: file.bytes, truncated: file.truncated },
    logFile: file?.path ?? null,
  }
  await sent
  return result
}

/** Nothing of it was begun: somebody else’s turn. */
const handedBack = (run: RunId, startedAt: string, finishedAt: string): SpooledRun => ({
  v: 1,
  run,
  outcome: 'handed_back',
  outputs: {},
  error: null,
  exitCode: null,
  signal: null,
  startedAt,
  finishedAt,
  usage: null,
  log: null,
  logFile: null,
})

async function carryOut(
  deps: RunTaskDeps,
  task: TaskToRun,
  carried: {
    program: Program | null
    runDir: string
    log: RunLog
    mask: Mask
    given: Record<string, string> | undefined
  },
  stopped: AbortSignal,
  onStarted: (stop: (reason: StopReason) => void) => void,
): Promise<Ending> {
  const { grant } = task
  const { program, runDir, log, mask, given } = carried
  // It went away between the offer and the grant: somebody else's turn.
  if (!program) return { outcome: 'handed_back', outputs: {}, error: null, end: null }
  const outputDir = join(runDir, 'out')
  const placed = await placeGranted(
    deps,
    task,
    program,
    runDir,
    (line) => log.add('agent', mask(line)),
    stopped,
  )
  stopped.throwIfAborted()
  const { threads, own, watchdog } = deps
  const executed = await (deps.execute ?? executeFresh)({
    ...{ grant, program, placed, runDir, outputDir, threads, own, given, watchdog, stopped, onStarted },
    limits: deps.limits,
    reservation: task.reservation ?? null,
    agentId: deps.agentId?.() ?? null,
    mask,
    onLine: (stream, line) => log.add(stream, line),
    onProgress: (progress) => {
      log.progress(progress)
      deps.onProgress(grant.run, progress)
    },
  })
  if (!executed) {
    log.add('agent', 'others on this machine use the memory that it needs; it goes back to the queue')
    return { outcome: 'handed_back', outputs: {}, error: null, end: null }
  }
  const { end, result, promisedVramBytes = 0 } = executed
  if (end.hungAfterResult)
    log.add('agent', 'it gave its result and did not end; the agent ended it, and the result counts')
  if (end.sharedMemory) log.add('agent', wordsForMemory(end.sharedMemory))
  const verdict = await classifyOutcome({ end, manifest: program.manifest, outputDir, result })
  for (const output of verdict.undeclared)
    log.add('agent', mask(`"${output}" is not a declared output; it is left out`))
  for (const note of verdict.notes) log.add('agent', mask(note))
  const { outcome } = verdict
  // A worker works in its own folder.
  const error =
    verdict.error && !('call' in program)
      ? withHintOfPath(verdict.error, end, {
          ...{ folder: program.folder, entryPoint: program.manifest.entryPoint },
          cwd: runDir,
        })
      : verdict.error
  // All that was promised to it was not enough, whatever it was seen to hold.
  if (error?.code === 'out_of_memory' && promisedVramBytes > 0)
    end.usage.peakVramBytes = Math.max(end.usage.peakVramBytes ?? 0, promisedVramBytes)
  return { outcome, error, outputs: await gatherOutputs(verdict.outputs, runDir), end }
}

const wordsForMemory = ({ segments, bytes }: RemovedMemory): string =>
  `it left ${segments} segment${segments === 1 ? '' : 's'} of shared memory in /dev/shm with ${Math.ceil(bytes / 1024 / 1024)} MiB, which the agent removed`

async function placeGranted(
  deps: RunTaskDeps,
  task: TaskToRun,
  program: Program,
  runDir: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<PlacedInputs> {
  const fetch: Fetch = (file, path, at) =>
    download(file, path, {
      signal,
      freshUrl: async () => urlIn(await task.again(), at),
      onTrouble: (error) => say(`${at.key}: ${messageOf(error)}; trying again`),
    })
  return placeInputs(task.grant.inputs, program.manifest.inputs, join(runDir, 'in'), deps.fetch ?? fetch)
}

function urlIn(grant: Grant | null, at: { key: string; n: number | null }): string | null {
  const input = grant?.inputs[at.key]
  if (!input) return null
  const single = 'list' in input ? input.list[at.n ?? 0] : input
  return single && 'file' in single ? single.file.url : null
}

function endingOfError(error: unknown, stopped: AbortSignal): Ending {
  const none = { outputs: {}, end: null }
  if (stopped.aborted && !(error instanceof InputUnavailable)) {
    if (stopped.reason !== 'cancelled') return { ...none, outcome: 'handed_back', error: null }
    const cancelled: TaskError = {
      code: 'cancelled',
      message: 'cancelled before it started',
      retryable: false,
    }
    return { ...none, outcome: 'cancelled', error: cancelled }
  }
  const failure: TaskError =
    error instanceof InputUnavailable
      ? { code: 'data_not_available', message: error.message, retryable: error.retryable }
      : { code: 'crashed', message: `the agent could not run it: ${messageOf(error)}`, retryable: true }
  return { ...none, outcome: 'failed', error: failure }
}

/** Its detail too: a traceback shows what a module was given. */
function maskedError(error: TaskError, mask: Mask): TaskError {
  const detail = error.detail && maskedJson(error.detail, mask)
  return { ...error, message: mask(error.message), ...(detail ? { detail } : {}) }
}

function maskedJson(detail: Record<string, Json>, mask: Mask): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [key, typeof value === 'string' ? mask(value) : value]),
  )
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

import type { Grant, Progress } from '@millrace/shared/for-agents'
import type { Ledger } from '../admission/ledger.ts'
import type { Reservation } from '../admission/reservation.ts'
import type { Mask } from '../log/secrets.ts'
import type { RunnableModule } from '../modules/known-module.ts'
import type { RunLimits } from '../process/limits/limits.ts'
import { masked } from '../process/output/parse-output.ts'
import { type ModuleResult, readServedResult } from '../process/output/read-result.ts'
import { type ProcessEnd, runProcess } from '../process/run-process.ts'
import { openTemporary } from '../process/short-temporary.ts'
import type { Stop } from '../process/stop/stop.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import { workerAnswer } from '../process/worker-answer.ts'
import type { WarmPool } from '../warm/warm-pool.ts'
import type { ServedTask } from '../warm/warm-process.ts'
import { launchSpec, type RunToStart, writeInput } from './launch-spec.ts'
import type { Program } from './programs.ts'

type OnLine = (stream: 'stdout' | 'stderr', line: string) => void
/** A run that is ready to execute. */
export type Work = Omit<RunToStart, 'gpu' | 'tmpDir'> & {
  grant: Grant
  program: Program
  reservation: Reservation | null
  watchdog: Watchdog
  limits?: RunLimits
  /** Applied to all its output. */
  mask: Mask
  onLine: OnLine
  onProgress(progress: Progress): void
  stop: Stop
  /** Called when its process has started. */
  onSpawn?(pid: number | undefined): void
}
/** The end of the program, and its result if not parsed from its output. `null`: no room. */
export type Executed = { end: ProcessEnd; result?: ModuleResult; promisedVramBytes?: number } | null
export type Execute = (work: Work) => Promise<Executed>

/** Starts a new process for the run. */
export async function executeFresh(work: Work): Promise<NonNullable<Executed>> {
  const { program } = work
  const temporary = openTemporary(work.runDir)
  try {
    const end = await runIn(temporary.path, work)
    if (!('call' in program)) return { end }
    const { result, lines } = workerAnswer(end, work.mask)
    for (const { stream, line } of lines) work.onLine(stream, line)
    return { end, result }
  } finally {
    temporary.close()
  }
}

function runIn(tmpDir: string, work: Work): Promise<ProcessEnd> {
  const { program, reservation, grant } = work
  const running = runProcess({
    ...launchSpec(program, { ...work, tmpDir, gpu: reservation?.gpu ?? undefined }),
    timeoutSeconds: grant.timeoutSeconds,
    watchdog: work.watchdog,
    stop: work.stop,
    limits: work.limits,
    mask: work.mask,
    folders: { folder: work.runDir, outputDir: work.outputDir },
    onLine: work.onLine,
    onProgress: work.onProgress,
  })
  work.onSpawn?.(running.pid)
  return running.ended
}

/** Waits for room, then uses a warm process if the module supports one, else a new process. */
export function executeWithRoom({ ledger, warm }: { ledger: Ledger; warm: WarmPool }): Execute {
  return async (work) => {
    if (!work.reservation) throw new Error('a run without a reservation')
    const promised = work.reservation
    const reservation = await ledger.enter(promised, work.stop.signal).catch((error: unknown) => {
      ledger.release(promised)
      throw error
    })
    if (!reservation) {
      ledger.release(promised)
      return null
    }
    if (isModule(work.program) && warm.serves(work.program))
      return withPeak(await executeServed(warm, reservation, work.program, work), reservation)
    try {
      const onSpawn = (pid: number | undefined) => ledger.started(reservation, pid, false)
      const executed = await executeFresh({ ...work, reservation, onSpawn })
      return withPeak(executed, reservation)
    } finally {
      ledger.release(reservation)
    }
  }
}

async function executeServed(
  warm: WarmPool,
  reservation: Reservation,
  module: RunnableModule,
  work: Work,
): Promise<NonNullable<Executed>> {
  const { grant, outputDir } = work
  const task: ServedTask = {
    id: grant.run,
    inputFile: writeInput(work),
    timeoutSeconds: grant.timeoutSeconds,
    onLine: (stream, line) => work.onLine(stream, work.mask(line)),
    onProgress: (progress) => work.onProgress(masked(progress, work.mask)),
  }
  const { end, said } = await warm.serve(reservation, module, task, work.stop)
  if (said === null) return { end }
  return {
    end,
    result: 'done' in said ? await readServedResult(outputDir, said.done, module.manifest) : said,
  }
}

/** Adds the peak GPU memory of its process, if the driver reports it. */
function withPeak(executed: NonNullable<Executed>, { peakVramBytes, needs }: Reservation): Executed {
  const usage = { ...executed.end.usage, peakVramBytes }
  return { ...executed, end: { ...executed.end, usage }, promisedVramBytes: needs.vramBytes }
}

const isModule = (program: Program): program is RunnableModule => !('call' in program)

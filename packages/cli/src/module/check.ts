import { CannotCheck, type CheckEvent, type Checked, checkModule, type GivenInput } from '@millrace/agent'
import { checksFolder } from '../cache-folder.ts'
import { exitCodes, UsageFault } from '../exit-codes.ts'
import { CheckNarrator } from './narrate-check.ts'

export type CheckFlags = { input: GivenInput[]; keep?: string; json: boolean }

/** Checks a module, prints each step, and returns the exit code. Throws `UsageFault`. */
export async function check(folder: string, flags: CheckFlags): Promise<number> {
  const home = checksFolder(process.env)
  const stopping = new AbortController()
  const narrator = flags.json ? null : new CheckNarrator(process.stdout, home)
  const release = stopOnSignals(stopping, () => narrator?.say('stopping: one moment'))
  try {
    const checked = await checkModule(folder, {
      home,
      own: process.env,
      inputs: flags.input,
      keep: flags.keep,
      onStep: (event: CheckEvent) => narrator?.tell(event),
      signal: stopping.signal,
    })
    if (narrator) narrator.conclude(checked, flags.keep)
    else console.log(JSON.stringify(asJson(checked, home), null, 2))
    return checked.good ? exitCodes.good : exitCodes.bad
  } catch (error) {
    if (error instanceof CannotCheck) throw new UsageFault(error.message)
    if (!stopping.signal.aborted) throw error
    narrator?.say('stopped')
    return exitCodes.interrupted
  } finally {
    narrator?.close()
    release()
  }
}

/** The first time in an orderly way; the second time at once: what still runs is killed when this process is gone. */
function stopOnSignals(stopping: AbortController, onStop: () => void): () => void {
  const stop = () => {
    if (stopping.signal.aborted) process.exit(exitCodes.interrupted)
    stopping.abort()
    onStop()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, stop)
  // No program reads any more, as after `| head`.
  process.stdout.on('error', stop)
  return () => {
    process.stdout.off('error', stop)
    for (const signal of signals) process.off(signal, stop)
  }
}

const asJson = ({ good, module, steps, outputs, usage }: Checked, home: string) => ({
  good,
  module,
  steps,
  outputs,
  usage,
  home,
})

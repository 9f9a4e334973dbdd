import type { HeartbeatAnswer } from '@millrace/shared/for-agents'
import { keepBeating } from '../control-plane/heartbeat.ts'
import { measureLoad } from '../machine/host.ts'
import type { Controls } from './open-controls.ts'
import type { openWork, Parts } from './open-work.ts'

type Running = Parts & ReturnType<typeof openWork> & Controls

/** Sends heartbeats until the end of the agent, and obeys their answers. */
export function beat(parts: Running, everySeconds: number): Promise<void> {
  const { runs, ledger, commands, clock, pause, config, calls, sleep, signals, logger, life } = parts
  return keepBeating(
    {
      ...{ everySeconds, send: calls.heartbeat, logger },
      describe: async () => ({
        runs: runs.forHeartbeat(),
        gpus: ledger.describe(),
        load: await measureLoad(config.home),
        done: commands.done,
        rest: clock.convert(pause.own),
        clockOffsetSeconds: clock.offsetSeconds,
      }),
      nextWaking: () => sleep.nextWaking,
      onAnswer: (answer, acknowledged) => obey(parts, answer, acknowledged),
      onBack: () => signals.apiIsBack.emit(),
    },
    life.signal,
  )
}

function obey(parts: Running, answer: HeartbeatAnswer, acknowledged: string[]): void {
  const { commands, runs, programs, withheld, signals, operatorWants } = parts
  commands.acknowledge(acknowledged)
  runs.obey(answer.runs)
  for (const command of answer.commands) signals.commanded.emit(command)
  programs.setEnabled(answer.modules ?? {})
  if (withheld.isOutdated(answer.awaiting)) signals.modulesChanged.emit()
  if (answer.rest !== undefined) operatorWants(answer.rest)
}

import type { AgentCommand, ClaimAnswer, Gpu, Grant, RegisterAnswer } from '@millrace/shared/for-agents'
import { Signal } from './signal.ts'

/** The run that a claim returned. */
export type Assignment = {
  grant: Grant
  /** Asks for the same run once more, with fresh URLs. `null`: it is no longer ours. */
  again(): Promise<Grant | null>
}

export type AgentSignals = ReturnType<typeof openSignals>

/** The facts by which the parts of an agent tell each other what happened, without knowing each other. */
export const openSignals = () => ({
  /** The GPUs were looked at. */
  gpusRead: new Signal(),
  /** There are other GPUs than before, or another driver. */
  gpusChanged: new Signal<readonly Gpu[]>(),
  /** The disk has room again, or none any more. */
  diskSpaceChanged: new Signal<{ isLow: boolean }>(),
  /** Connections that look open may be dead after the sleep. */
  machineWoke: new Signal(),
  /** The owner changed a setting that takes effect while the agent runs. */
  settingsChanged: new Signal(),
  /** The agent is registered, perhaps again. */
  registered: new Signal<RegisterAnswer>(),
  /** The API answers again after it was away. */
  apiIsBack: new Signal(),
  /** What the agent says of its modules is not true any more. */
  modulesChanged: new Signal(),
  /** There may be room, or work, that no other signal announces. */
  capacityChanged: new Signal(),
  /** A claim returned a run. */
  assigned: new Signal<Assignment>(),
  /** The API has something more urgent than all that fits. */
  roomWanted: new Signal<NonNullable<ClaimAnswer['reserve']>>(),
  /** An operator, or the API itself, wants something done. */
  commanded: new Signal<AgentCommand>(),
  /** Nothing of a run is under way any more. */
  runEnded: new Signal(),
})

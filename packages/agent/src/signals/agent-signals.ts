import type { AgentCommand, ClaimAnswer, Gpu, Grant, RegisterAnswer } from '@millrace/shared/for-agents'
import { Signal } from './signal.ts'

/** The run that a claim returned. */
export type Assignment = {
  grant: Grant
  /** Requests the same run again, with fresh URLs. `null`: another agent may have it. */
  again(): Promise<Grant | null>
}

export type AgentSignals = ReturnType<typeof openSignals>

/** The events between the parts of an agent, which do not depend on each other. */
export const openSignals = () => ({
  /** A new GPU reading is available. */
  gpusRead: new Signal(),
  /** The GPUs or their driver changed. */
  gpusChanged: new Signal<readonly Gpu[]>(),
  /** The disk has room again, or no longer. */
  diskSpaceChanged: new Signal<{ isLow: boolean }>(),
  /** Connections that look open may be dead after the sleep. */
  machineWoke: new Signal(),
  /** The owner changed a setting that takes effect while the agent runs. */
  settingsChanged: new Signal(),
  /** The agent is registered, perhaps again. */
  registered: new Signal<RegisterAnswer>(),
  /** The API answers again after an outage. */
  apiIsBack: new Signal(),
  /** The reported modules are outdated. */
  modulesChanged: new Signal(),
  /** The agent may have room, or the API work, that no other signal announces. */
  capacityChanged: new Signal(),
  /** A claim returned a run. */
  assigned: new Signal<Assignment>(),
  /** The API has a more urgent task than those that fit. */
  roomWanted: new Signal<NonNullable<ClaimAnswer['reserve']>>(),
  /** A command from an operator or from the API itself. */
  commanded: new Signal<AgentCommand>(),
  /** A run has ended, with its report. */
  runEnded: new Signal(),
})

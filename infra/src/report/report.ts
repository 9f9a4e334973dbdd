/** How a step of a start goes: one line on a terminal that changes in place, a first and a last line elsewhere. */
export type StepReport = {
  /** What it is about, e.g. `MongoDB`. */
  step: string
  state: 'running' | 'done' | 'failed'
  /** What is being done, or how it ended: `fetching 42 MB from PyPI`. */
  text: string
  /** How far it is: `31 MB`. */
  amount?: string
}

export function isStepReport(message: unknown): message is StepReport {
  return typeof message === 'object' && message !== null && 'step' in message && 'state' in message
}

/** Hears what a start does: a line of text, or how a step goes. */
export type Report = (news: string | StepReport) => void

/** The progress of a step: one line on a terminal that changes in place, a first and a last line elsewhere. */
export type StepReport = {
  /** The subject, e.g. `MongoDB`. */
  step: string
  state: 'running' | 'done' | 'failed'
  /** The action, or how it ended: `fetching 42 MB from PyPI`. */
  text: string
  /** The progress: `31 MB`. */
  amount?: string
}

export function isStepReport(message: unknown): message is StepReport {
  return typeof message === 'object' && message !== null && 'step' in message && 'state' in message
}

/** Receives the messages of a start: a line of text, or the progress of a step. */
export type Report = (news: string | StepReport) => void

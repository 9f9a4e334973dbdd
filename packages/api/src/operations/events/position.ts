/**
 * How far a reader of a task's events has come: so many entries of the history, so many lines of an attempt, all of
 * earlier attempts, and whether it was told the end.
 */
export type Position = { state: number; attempt: number; line: number; ended: boolean }

export const start: Position = { state: 0, attempt: 0, line: 0, ended: false }

/** As an event id: `5.2.117`, at the end `6.2.130.end`. */
export const idOf = ({ state, attempt, line, ended }: Position): string =>
  `${state}.${attempt}.${line}${ended ? '.end' : ''}`

const shape = /^(\d{1,9})\.(\d{1,9})\.(\d{1,15})(\.end)?$/

/** What is not one of ours means the start: to see something twice is better than to miss it. */
export function positionOf(id: string | undefined): Position {
  const [, state, attempt, line, end] = id?.match(shape) ?? []
  if (state === undefined) return start
  return { state: Number(state), attempt: Number(attempt), line: Number(line), ended: end !== undefined }
}

/**
 * The position of a reader in a task's events: the number of history entries, the number of lines of an attempt (and all
 * lines of earlier attempts), and whether it has the end.
 */
export type Position = { state: number; attempt: number; line: number; ended: boolean }

export const start: Position = { state: 0, attempt: 0, line: 0, ended: false }

/** As an event id: `5.2.117`, at the end `6.2.130.end`. */
export const idOf = ({ state, attempt, line, ended }: Position): string =>
  `${state}.${attempt}.${line}${ended ? '.end' : ''}`

const shape = /^(\d{1,9})\.(\d{1,9})\.(\d{1,15})(\.end)?$/

/** An unknown id means the start: repeating events is better than missing one. */
export function positionOf(id: string | undefined): Position {
  const [, state, attempt, line, end] = id?.match(shape) ?? []
  if (state === undefined) return start
  return { state: Number(state), attempt: Number(attempt), line: Number(line), ended: end !== undefined }
}

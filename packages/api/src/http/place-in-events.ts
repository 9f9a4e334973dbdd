/**
 * How far a reader of a task's events has come: the states until a time (and so many of that very millisecond),
 * the lines of an attempt until a number. It is the id of every event, so that who reconnects misses nothing.
 */
export type Place = { ms: number; same: number; attempt: number; line: number; endOfRound: number | null }

export const theBeginning: Place = { ms: 0, same: 0, attempt: 1, line: 0, endOfRound: null }

export const idOfPlace = ({ ms, same, attempt, line, endOfRound }: Place): string =>
  [ms, same, attempt, line, ...(endOfRound === null ? [] : [`end${endOfRound}`])].join('.')

/** An id that is none of ours begins at the beginning. */
export function placeOf(id: string | undefined): Place {
  const [, ms, same, attempt, line, end] =
    id?.match(/^(\d{1,15})\.(\d{1,6})\.(\d{1,9})\.(\d{1,9})(?:\.end(\d{1,9}))?$/) ?? []
  if (ms === undefined) return theBeginning
  return {
    ms: Number(ms),
    same: Number(same),
    attempt: Math.max(1, Number(attempt)),
    line: Number(line),
    endOfRound: end === undefined ? null : Number(end),
  }
}

/** The entries of a history that lie beyond a place, each with the place behind it. */
export function* statesBeyond<T extends { at: Date }>(
  history: readonly T[],
  place: Place,
): Generator<{ entry: T; place: Pick<Place, 'ms' | 'same'> }> {
  let { ms, same } = place
  let met = 0
  for (const entry of history) {
    const at = entry.at.getTime()
    if (at < ms) continue
    if (at === ms && met < same) {
      met += 1
      continue
    }
    same = at === ms ? same + 1 : 1
    met = same
    ms = at
    yield { entry, place: { ms, same } }
  }
}

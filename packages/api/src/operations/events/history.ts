import { isTerminal, parseRunId, type RunId, runIdOf, type TaskStatus } from '@millrace/shared'
import type { TaskDoc } from '../../store/documents/task.ts'
import { type Position, start } from './position.ts'

/** An entry of the history; `n` counts from 1 over all entries ever, kept or not. */
export type State = { n: number; status: TaskStatus; attempt: number; run: RunId | null; at: Date }

/** What comes next for a reader: all lines of a run so far, or a state. */
export type Step = { kind: 'lines'; run: RunId } | { kind: 'state'; state: State }

/**
 * The past steps that a reader still needs. The lines of a run come between the state that began it and the next one;
 * those of the current run are not included, the reader follows them live.
 */
export function stepsFrom(task: TaskDoc, position: Position): Step[] {
  const states = statesOf(task)
  let open = openAt(task, states, position)
  return states
    .filter((state) => state.n > position.state)
    .flatMap((state): Step[] => {
      const runs = [open, isTerminal(state.status) ? state.run : null].filter((run) => run !== null)
      open = state.status === 'running' ? state.run : null
      return [...[...new Set(runs)].map((run) => ({ kind: 'lines' as const, run })), { kind: 'state', state }]
    })
}

/** The run whose lines a reader at this position was getting. */
function openAt(task: TaskDoc, states: readonly State[], { state: seen, attempt }: Position): RunId | null {
  const last = states.findLast((state) => state.n <= seen)
  if (last) return last.status === 'running' ? last.run : null
  return attempt > 0 ? runIdOf(task._id, attempt) : null
}

/** The states that are kept; a long history loses its oldest. */
export function statesOf(task: TaskDoc): State[] {
  let n = 0
  return task.history.map((entry) => {
    n = entry.n ?? n + 1
    return { n, status: entry.status, attempt: entry.attempt, run: runOf(task, entry), at: entry.at }
  })
}

/** An entry names its run, because an expired run may continue under a later attempt. */
function runOf(task: TaskDoc, { status, attempt, run }: TaskDoc['history'][number]): RunId | null {
  if (status === 'blocked') return null
  return run === undefined && status !== 'skipped' ? runIdOf(task._id, attempt) : (run ?? null)
}

/** A position after the end comes from another task, or from before a restore of the database. */
export function within(task: TaskDoc, position: Position): Position {
  const known = statesOf(task).at(-1)?.n ?? 0
  return position.state > known || position.attempt > task.attempt ? start : position
}

/** Whether a reader has the end of the task. */
export function knowsTheEnd(task: TaskDoc, given: Position): boolean {
  const position = within(task, given)
  return position.ended && isTerminal(task.status) && stepsFrom(task, position).length === 0
}

/** The number of the first line of a run that a reader does not have; `null`: it has passed the run. */
export function linesAfter(position: Position, run: RunId): number | null {
  const { attempt } = parseRunId(run)
  if (attempt < position.attempt) return null
  return attempt === position.attempt ? position.line : 0
}

import { CreateTask, isTerminal, type TaskId } from '@millrace/shared'
import { Failure } from '../../failure.ts'
import { repeatableIds } from '../../ids.ts'
import type { Ports } from '../../ports.ts'
import type { ScheduleDoc } from '../../store/documents/schedule.ts'
import { type SubmitPorts, submit } from '../submit.ts'
import { nextFireTime } from './fire-times.ts'

const tasksShown = 10

/**
 * Creates the task of a due fire time, and moves the schedule to the next one. The ids come from schedule and fire time,
 * so that any number of processes may do this at once, or again after a crash, and create one task.
 */
export async function fire(ports: SubmitPorts, schedule: ScheduleDoc): Promise<void> {
  const fireAt = schedule.nextFireAt
  if (!fireAt) return
  const fired = await makeTask(ports, schedule, fireAt)
  if ('task' in fired) ports.failpoint('schedule.fired')
  const change = await ports.store.schedules.change(schedule, (current) =>
    current.nextFireAt?.getTime() === fireAt.getTime()
      ? decideFired(current, fireAt, fired, ports.clock.now())
      : null,
  )
  if (change) ports.failpoint('schedule.moved')
}

type Fired = { task: TaskId } | { skipped: string }

async function makeTask(ports: SubmitPorts, schedule: ScheduleDoc, fireAt: Date): Promise<Fired> {
  const lateSeconds = (ports.clock.now().getTime() - fireAt.getTime()) / 1000
  if (lateSeconds > schedule.catchUpSeconds)
    return { skipped: `it was noticed ${Math.round(lateSeconds)} s late, more than catchUpSeconds` }
  const before = schedule.overlap === 'skip' ? await unfinishedBefore(ports, schedule) : null
  if (before) return { skipped: `${before} had not ended` }
  const ids = repeatableIds(fireAt.getTime(), `${schedule._id}\n${fireAt.toISOString()}`)
  const wanted = CreateTask.parse(JSON.parse(schedule.task))
  const caller = {
    apiKey: schedule.apiKey,
    grant: null,
    requestId: `${schedule._id}:${fireAt.toISOString()}`,
    ids,
    repeated: true,
    replayed: false,
  }
  try {
    const task = await submit(ports, caller, { ...wanted, label: wanted.label || schedule.name })
    return { task: task._id }
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'unavailable') throw error
    return { skipped: `the task was refused: ${error.code}: ${error.message}`.slice(0, 2_000) }
  }
}

async function unfinishedBefore(ports: Ports, { lastTasks }: ScheduleDoc): Promise<TaskId | null> {
  const [last] = lastTasks
  const task = last && (await ports.store.tasks.get(last.task))
  return task && !isTerminal(task.status) ? task._id : null
}

/** Skips all fire times that are older than `catchUpSeconds` in one step. */
function decideFired(schedule: ScheduleDoc, fireAt: Date, fired: Fired, now: Date): ScheduleDoc {
  const caughtUp = new Date(Math.max(fireAt.getTime(), now.getTime() - schedule.catchUpSeconds * 1000 - 1))
  const moved = { ...schedule, nextFireAt: nextFireTime(schedule, caughtUp), updatedAt: now }
  if ('task' in fired)
    return { ...moved, lastTasks: [{ task: fired.task, fireAt }, ...schedule.lastTasks].slice(0, tasksShown) }
  return { ...moved, lastSkip: { fireAt, reason: fired.skipped }, skipped: schedule.skipped + 1 }
}

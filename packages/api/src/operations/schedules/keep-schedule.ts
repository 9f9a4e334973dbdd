import { type CreateSchedule, CreateTask, type EditSchedule, type ScheduleId } from '@millrace/shared'
import { Failure, notFound } from '../../failure.ts'
import type { ScheduleDoc } from '../../store/documents/schedule.ts'
import type { Caller } from '../access/caller.ts'
import { checkTask } from '../inputs/check-task.ts'
import { readBy } from '../inputs/reads.ts'
import { manifestFor } from '../modules/manifest-for.ts'
import { lookUpInputs } from '../settle/look-up-inputs.ts'
import type { SubmitPorts } from '../submit.ts'
import { refuseUrl } from '../webhooks/keep-webhook.ts'
import { faultOfTiming, nextFireTime } from './fire-times.ts'

/** Creates a schedule whose task would be accepted now. The same id again is the same schedule. */
export async function createSchedule(
  ports: SubmitPorts,
  caller: Caller,
  wanted: CreateSchedule,
): Promise<ScheduleDoc> {
  const id = caller.ids.schedule()
  const made = caller.repeated ? await ports.store.schedules.get(id) : null
  if (made) return made
  const now = ports.clock.now()
  const { task, ...given } = wanted
  const schedule: ScheduleDoc = {
    _id: id,
    rev: 1,
    apiKey: caller.apiKey,
    ...given,
    cron: given.cron ?? null,
    everySeconds: given.everySeconds ?? null,
    task: JSON.stringify(task),
    reads: await readsOf(ports, task),
    anchor: now,
    nextFireAt: null,
    lastTasks: [],
    lastSkip: null,
    skipped: 0,
    createdAt: now,
    updatedAt: now,
  }
  const begun = beginAnew(schedule, now)
  return (await ports.store.schedules.insert(begun))
    ? begun
    : ((await ports.store.schedules.get(id)) ?? begun)
}

/** Changes the given fields; a change of the times, or the end of a pause, counts from now. */
export async function editSchedule(
  ports: SubmitPorts,
  id: ScheduleId,
  changes: EditSchedule,
): Promise<ScheduleDoc> {
  const { task, ...given } = changes
  const ofTask = task ? { task: JSON.stringify(task), reads: await readsOf(ports, task) } : {}
  const change = await ports.store.schedules.change(id, (schedule) => {
    const now = ports.clock.now()
    const edited = { ...schedule, ...settingsOf(schedule, given), ...ofTask, updatedAt: now }
    const isTimed = ['cron', 'everySeconds', 'timezone', 'enabled'].some((key) => key in given)
    return isTimed ? beginAnew({ ...edited, anchor: now }, now) : edited
  })
  if (!change) throw notFound('schedule')
  return change.after
}

function beginAnew(schedule: ScheduleDoc, now: Date): ScheduleDoc {
  const fault = faultOfTiming(schedule, now)
  if (fault)
    throw new Failure('invalid_request', `The times of the schedule: ${fault.message}.`, { errors: [fault] })
  return { ...schedule, nextFireAt: schedule.enabled ? nextFireTime(schedule, now) : null }
}

/** The data items that the task names, after checking it against its module as if it were submitted now. */
async function readsOf(ports: SubmitPorts, task: CreateSchedule['task']): Promise<ScheduleDoc['reads']> {
  const wanted = CreateTask.parse(task)
  try {
    if (wanted.webhook) refuseUrl(ports, wanted.webhook.url, '/webhook/url')
    const manifest = await manifestFor(ports, wanted)
    return readBy(checkTask(manifest, wanted, await lookUpInputs(ports, null, [wanted])))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const errors = error.errors?.map(({ path, message }) => ({ path: `/task${path}`, message }))
    throw new Failure(error.code, error.message, { errors })
  }
}

const settingsOf = (schedule: ScheduleDoc, given: Omit<EditSchedule, 'task'>) => ({
  name: given.name ?? schedule.name,
  cron: given.cron === undefined ? schedule.cron : given.cron,
  everySeconds: given.everySeconds === undefined ? schedule.everySeconds : given.everySeconds,
  timezone: given.timezone ?? schedule.timezone,
  overlap: given.overlap ?? schedule.overlap,
  catchUpSeconds: given.catchUpSeconds ?? schedule.catchUpSeconds,
  enabled: given.enabled ?? schedule.enabled,
})

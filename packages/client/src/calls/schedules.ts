import type { Api, BodyAt, QueryAt } from '../api.ts'
import type { Schedule, ScheduleId } from '../contract.gen.ts'
import type { Page } from '../page.ts'

export const scheduleCalls = ({ call }: Api) => ({
  createSchedule: async (
    schedule: BodyAt<'POST /api/schedules'>,
    idempotencyKey?: string,
  ): Promise<Schedule> => (await call('POST /api/schedules', { body: schedule, idempotencyKey })).schedule,
  schedule: async (id: ScheduleId): Promise<Schedule> =>
    (await call('GET /api/schedules/{id}', { params: { id } })).schedule,
  updateSchedule: async (id: ScheduleId, changes: BodyAt<'PATCH /api/schedules/{id}'>): Promise<Schedule> =>
    (await call('PATCH /api/schedules/{id}', { params: { id }, body: changes })).schedule,
  deleteSchedule: async (id: ScheduleId): Promise<void> => {
    await call('DELETE /api/schedules/{id}', { params: { id } })
  },
  listSchedules: (query: QueryAt<'GET /api/schedules'> = {}): Promise<Page<Schedule>> =>
    call('GET /api/schedules', { query }),
})

import { z } from 'zod'
import { ModuleName } from '../manifest.ts'
import type { Calls } from './call.ts'

const limit = z.number().int().min(0).max(100_000)
const days = z.number().int().min(1).max(3650)
export const Settings = z.object({
  maxRunningTasks: limit,
  perModule: z.record(ModuleName, limit),
  retentionDays: z.object({
    runs: days.nullable().describe('ended runs of ended tasks, with their logs; null: kept with the task'),
    logs: days
      .nullable()
      .default(null)
      .describe('the logs alone, to remove them earlier; null: kept with the run'),
    tasks: days.nullable().default(null).describe('ended tasks, with all their runs; null: kept forever'),
    uploads: days.nullable().default(null).describe('data that no task produced; null: kept forever'),
    outputs: days.nullable().default(null).describe('data that a task produced; null: kept forever'),
  }),
})
export type Settings = z.infer<typeof Settings>
export const SettingsPatch = z.strictObject({
  maxRunningTasks: limit.optional(),
  perModule: z.record(ModuleName, limit.nullable()).optional().describe('null removes a limit'),
  retentionDays: z
    .strictObject({
      runs: days.nullable().optional(),
      logs: days.nullable().optional(),
      tasks: days.nullable().optional(),
      uploads: days.nullable().optional(),
      outputs: days.nullable().optional(),
    })
    .optional(),
})
export type SettingsPatch = z.infer<typeof SettingsPatch>

const count = z.number().int().nonnegative()
export const Summary = z.object({
  asOf: z.iso.datetime(),
  tasks: z.object({ planned: count, active: count, completed: count, byStatus: z.record(z.string(), count) }),
  perModule: z.record(z.string(), z.object({ planned: count, active: count, completed: count })),
  agents: z.object({ total: count, online: count }),
  data: z.object({ count, bytes: count }),
})
export type Summary = z.infer<typeof Summary>

/** Settings and counts for operators. */
export const settingsCalls = {
  getSettings: {
    method: 'GET',
    path: '/api/settings',
    tag: 'Settings',
    summary: 'Read the settings',
    scope: 'read',
    answers: { 200: { description: 'The settings', json: Settings } },
  },
  updateSettings: {
    method: 'PATCH',
    path: '/api/settings',
    tag: 'Settings',
    summary: 'Change settings; they apply immediately',
    scope: 'admin',
    body: SettingsPatch,
    example: { maxRunningTasks: 20, perModule: { faces: 2 } },
    audit: 'settings.change',
    answers: { 200: { description: 'The settings', json: Settings } },
  },
  getSummary: {
    method: 'GET',
    path: '/api/summary',
    tag: 'Summary',
    summary: 'Counts for a dashboard, at most 5 s old',
    scope: 'read',
    answers: { 200: { description: 'Counts', json: Summary } },
  },
  runTick: {
    method: 'POST',
    path: '/api/tick',
    tag: 'Settings',
    summary: 'Run the background jobs once, for runtimes without timers',
    scope: 'admin',
    answers: { 204: { description: 'Done' } },
  },
} as const satisfies Calls

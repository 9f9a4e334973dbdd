import { sessionCalls } from './agent-session.ts'
import { workCalls } from './agent-work.ts'
import { agentCalls } from './agents.ts'
import { auditCalls } from './audit.ts'
import { batchCalls } from './batches.ts'
import { bulkCalls } from './bulk.ts'
import type { Call, RouteOf } from './call.ts'
import { dataCalls } from './data.ts'
import { eventCalls } from './events.ts'
import { grantCalls } from './grants.ts'
import { healthCalls } from './health.ts'
import { keyCalls } from './keys.ts'
import { moduleCalls } from './modules.ts'
import { runCalls } from './runs.ts'
import { scheduleCalls } from './schedules.ts'
import { settingsCalls } from './settings.ts'
import { taskCalls } from './tasks.ts'
import { ticketCalls } from './tickets.ts'
import { uploadCalls } from './uploads.ts'
import { webhookCalls } from './webhooks.ts'
import { whyCalls } from './why.ts'

/**
 * Every endpoint, once. The API serves them, the client and the agent call them, OpenAPI and `/docs` show them, `/docs`
 * in this order.
 */
export const contract = {
  ...uploadCalls,
  ...dataCalls,
  ...taskCalls,
  ...batchCalls,
  ...bulkCalls,
  ...whyCalls,
  ...eventCalls,
  ...runCalls,
  ...moduleCalls,
  ...agentCalls,
  ...scheduleCalls,
  ...webhookCalls,
  ...keyCalls,
  ...grantCalls,
  ...ticketCalls,
  ...auditCalls,
  ...settingsCalls,
  ...healthCalls,
  ...sessionCalls,
  ...workCalls,
}

type Table = typeof contract

/** The same table by method and path, for a client that loads no schema at run time: `GET /api/tasks/{id}`. */
export type CallsByRoute = { [Name in keyof Table as RouteOf<Table[Name]>]: Table[Name] }
export type Route = keyof CallsByRoute

/** Its entries as a list. */
export const contractEntries: readonly (readonly [name: string, call: Call])[] = Object.entries(contract)

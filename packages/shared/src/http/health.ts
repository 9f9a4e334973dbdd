import { z } from 'zod'
import type { Calls } from './call.ts'

const server = z.string().describe('ok, or the fault')
export const Health = z.object({ status: z.literal('ok') })
export const Readiness = z.object({
  mongodb: server,
  nats: server,
  s3: server,
  s3Safety: z.string().describe('whether the object store verifies signatures'),
})
export type Readiness = z.infer<typeof Readiness>

/** Health and metrics for monitoring. */
export const healthCalls = {
  getHealth: {
    method: 'GET',
    path: '/healthz',
    tag: 'Health',
    summary: 'The process is alive',
    scope: 'none',
    answers: { 200: { description: 'Alive', json: Health } },
  },
  getReadiness: {
    method: 'GET',
    path: '/readyz',
    tag: 'Health',
    summary: 'Each server that the API needs: "ok" or the fault; whether the object store is safe',
    scope: 'none',
    answers: {
      200: { description: 'The API can serve requests', json: Readiness },
      503: { description: 'The database is unreachable', json: Readiness },
    },
  },
  getMetrics: {
    method: 'GET',
    path: '/metrics',
    tag: 'Health',
    summary: 'Prometheus metrics',
    scope: 'read',
    answers: { 200: { description: 'The metrics', text: 'text/plain' } },
  },
} as const satisfies Calls

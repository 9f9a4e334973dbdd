import type { ApiPorts } from '../api-ports.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Metrics } from '../metrics/metrics.ts'

export const healthEndpoints = (ports: ApiPorts, metrics: Metrics): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/healthz',
    scope: 'none',
    tag: 'Health',
    summary: 'The process is alive',
    answers: { 200: { description: 'Alive' } },
    handle: (c) => c.json({ status: 'ok' }),
  }),
  endpoint({
    method: 'get',
    path: '/readyz',
    scope: 'none',
    tag: 'Health',
    summary: 'Each server this needs: "ok", or why not; whether the object store is safe',
    answers: { 200: { description: 'Requests can be served' }, 503: { description: 'The database is away' } },
    async handle(c) {
      const [mongodb, nats, s3] = await Promise.all(
        [ports.store, ports.bus, ports.objects].map((server) => state(server)),
      )
      const s3Safety = ports.storeSafety.state
      return c.json({ mongodb, nats, s3, s3Safety }, mongodb === 'ok' ? 200 : 503)
    },
  }),
  endpoint({
    method: 'get',
    path: '/metrics',
    scope: 'read',
    tag: 'Health',
    summary: 'Prometheus metrics',
    answers: { 200: { description: 'text/plain' } },
    async handle(c) {
      c.header('Content-Type', metrics.contentType)
      return c.body(await metrics.text())
    },
  }),
]

async function state(server: { ping(): Promise<void> }): Promise<string> {
  try {
    await server.ping()
    return 'ok'
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : 'away'
  }
}

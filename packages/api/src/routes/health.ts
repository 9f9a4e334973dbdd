import { contract } from '@millrace/shared'
import type { ApiPorts } from '../api-ports.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Metrics } from '../metrics/metrics.ts'

export const healthEndpoints = (ports: ApiPorts, metrics: Metrics): Endpoint[] => [
  endpoint(contract.getHealth, (c) => c.json({ status: 'ok' })),
  endpoint(contract.getReadiness, async (c) => {
    const [mongodb, nats, s3] = await Promise.all(
      [ports.store, ports.bus, ports.objects].map((server) => state(server)),
    )
    const s3Safety = ports.storeSafety.state
    return c.json({ mongodb, nats, s3, s3Safety }, mongodb === 'ok' ? 200 : 503)
  }),
  endpoint(contract.getMetrics, async (c) => {
    c.header('Content-Type', metrics.contentType)
    return c.body(await metrics.text())
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

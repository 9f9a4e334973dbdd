import type { ApiPorts } from '../api-ports.ts'

/** Each process reports the callers that it rejected. */
export async function reportRefusedCallers(ports: ApiPorts): Promise<void> {
  ports.refused.report(ports)
}

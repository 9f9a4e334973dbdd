import type { ApiPorts } from '../api-ports.ts'

/** Each process tells of those that came to it. */
export async function reportRefusedCallers(ports: ApiPorts): Promise<void> {
  ports.refused.report(ports)
}

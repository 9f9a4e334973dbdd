import type { ApiPorts } from '../api-ports.ts'

/** Notes that this process runs: the replicas divide each key's rate limit by their number. */
export const noteReplica = (ports: ApiPorts): Promise<void> => ports.replicas.note(ports)

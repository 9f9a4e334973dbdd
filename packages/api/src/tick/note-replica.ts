import type { ApiPorts } from '../api-ports.ts'

/** This process is there: the others count it when they share out what a key may ask for. */
export const noteReplica = (ports: ApiPorts): Promise<void> => ports.replicas.note(ports)

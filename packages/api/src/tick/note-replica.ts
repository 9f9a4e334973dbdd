import type { Deps } from '../deps.ts'

/** This process is there: the others count it when they share out what a key may ask for. */
export const noteReplica = (deps: Deps): Promise<void> => deps.replicas.note(deps)

import type { StoreSafety } from './check-store.ts'
import type { WaitLimits } from './http/long-poll.ts'
import type { RefusedCallers } from './http/refused-callers.ts'
import type { AgentPorts } from './operations/agents/ports.ts'
import type { BatchPorts } from './operations/batches/submit-batch.ts'
import type { ClaimPorts } from './operations/claim.ts'
import type { FinishPorts } from './operations/finish.ts'
import type { Replicas } from './process/replicas.ts'

/** The state of one API process: the ports and its memory. Each part is declared by its owner. */
export type ApiPorts = BatchPorts &
  ClaimPorts &
  FinishPorts &
  AgentPorts &
  WaitLimits &
  StoreSafety & { replicas: Replicas; refused: RefusedCallers }

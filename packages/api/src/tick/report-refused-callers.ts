import type { Deps } from '../deps.ts'

/** Each process tells of those that came to it. */
export async function reportRefusedCallers(deps: Deps): Promise<void> {
  deps.refused.report(deps)
}

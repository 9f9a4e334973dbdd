import { Failure } from '../../failure.ts'
import type { Serves } from '../../store/documents/access.ts'

/** Whether agents with this key may serve a module of this name. */
export const mayServe = ({ modules }: Pick<Serves, 'modules'>, name: string): boolean =>
  modules.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  )

export function refuseUnserved(serves: Serves, name: string): void {
  if (!mayServe(serves, name)) throw new Failure('forbidden', notServed(serves, name))
}

export const notServed = ({ modules }: Serves, name: string): string =>
  `The key of this agent may serve ${modules.slice(0, 10).join(', ')} and not ${name}. Give the agent a key whose modules include it, or let ONLY_MODULES leave it out.`

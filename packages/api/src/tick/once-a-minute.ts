import type { Deps } from '../deps.ts'

const everyMs = 60_000

/** A job that looks at much and is rarely due: one process of all does it, once a minute. */
export const onceAMinute =
  (name: string, job: (deps: Deps) => Promise<void>) =>
  async (deps: Deps): Promise<void> => {
    if (await isOurs(deps, `job:${name}`)) await job(deps)
  }

async function isOurs(deps: Deps, id: string): Promise<boolean> {
  const at = deps.clock.now()
  const last = await deps.store.meta.get(id)
  if (!last) return deps.store.meta.insert({ _id: id, rev: 1, at, json: 'null' })
  const change = await deps.store.meta.change(last, (current) =>
    at.getTime() - current.at.getTime() >= everyMs ? { ...current, at } : null,
  )
  return change !== null
}

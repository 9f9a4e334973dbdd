import type { Ports } from '../ports.ts'

const everyMs = 60_000

/** For a job that scans much and is rarely due: one of all processes does it, once a minute. */
export const onceAMinute =
  <P extends Ports>(name: string, job: (ports: P) => Promise<void>) =>
  async (ports: P): Promise<void> => {
    if (await isOurs(ports, `job:${name}`)) await job(ports)
  }

async function isOurs(ports: Ports, id: string): Promise<boolean> {
  const at = ports.clock.now()
  const last = await ports.store.meta.get(id)
  if (!last) return ports.store.meta.insert({ _id: id, rev: 1, at, json: 'null' })
  const change = await ports.store.meta.change(last, (current) =>
    at.getTime() - current.at.getTime() >= everyMs ? { ...current, at } : null,
  )
  return change !== null
}

/** An idle process that may be evicted, the bytes that it would free, and the expected cost. */
export type Evictable = { id: number; bytes: number; cost: number }

/** Up to this number, all sets are compared; above it, the cheapest per byte are evicted first. */
const fewEnough = 12

/**
 * Chooses the idle processes to evict to free `bytes`: the set with the lowest cost, where the cost of a process is its
 * load time × how often it is used. `null`: all together are not enough.
 */
export function cheapestToEvict(idle: readonly Evictable[], bytes: number): Evictable[] | null {
  if (bytes <= 0) return []
  if (totalOf(idle, 'bytes') < bytes) return null
  return idle.length <= fewEnough ? cheapestOfAll(idle, bytes) : cheapestPerByte(idle, bytes)
}

function cheapestOfAll(idle: readonly Evictable[], bytes: number): Evictable[] {
  let best: Evictable[] = [...idle]
  for (let choice = 1; choice < 2 ** idle.length; choice += 1) {
    const chosen = idle.filter((_, at) => choice & (1 << at))
    if (totalOf(chosen, 'bytes') >= bytes && isBetter(chosen, best)) best = chosen
  }
  return best
}

/** At equal cost, the set that frees less. */
function isBetter(one: readonly Evictable[], other: readonly Evictable[]): boolean {
  const difference = totalOf(one, 'cost') - totalOf(other, 'cost')
  return difference === 0 ? totalOf(one, 'bytes') < totalOf(other, 'bytes') : difference < 0
}

function cheapestPerByte(idle: readonly Evictable[], bytes: number): Evictable[] {
  const chosen: Evictable[] = []
  for (const one of idle.toSorted((a, b) => a.cost / a.bytes - b.cost / b.bytes)) {
    chosen.push(one)
    if (totalOf(chosen, 'bytes') >= bytes) break
  }
  // A large one at the end may make earlier small ones unnecessary: spare the most expensive.
  for (const one of chosen.toSorted((a, b) => b.cost - a.cost))
    if (totalOf(chosen, 'bytes') - one.bytes >= bytes) chosen.splice(chosen.indexOf(one), 1)
  return chosen
}

const totalOf = (some: readonly Evictable[], what: 'bytes' | 'cost'): number =>
  some.reduce((total, one) => total + one[what], 0)

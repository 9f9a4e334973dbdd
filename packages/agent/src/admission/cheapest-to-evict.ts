/** An idle process that may go, the bytes it would give back, and what its absence is expected to cost. */
export type Evictable = { id: number; bytes: number; cost: number }

/** Up to this number every choice is compared; with more, the cheapest per byte go first. */
const fewEnough = 12

/**
 * Which idle processes go so that `bytes` get free: the choice that costs least, where the cost of a process is the time
 * to load it again × how often it is used. `null`: all together are not enough.
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

/** At the same cost, the one that takes away less. */
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
  // A large one at the end may have made small ones before it needless: the dearest are kept.
  for (const one of chosen.toSorted((a, b) => b.cost - a.cost))
    if (totalOf(chosen, 'bytes') - one.bytes >= bytes) chosen.splice(chosen.indexOf(one), 1)
  return chosen
}

const totalOf = (some: readonly Evictable[], what: 'bytes' | 'cost'): number =>
  some.reduce((total, one) => total + one[what], 0)

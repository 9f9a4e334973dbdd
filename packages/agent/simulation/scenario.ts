export type SimulatedModule = { name: string; mib: number; loadSeconds: number; late: number }
export type Arrival = { id: number; atMs: number; module: string; isUrgent: boolean; seconds: number }
export type Scenario = { modules: SimulatedModule[]; arrivals: Arrival[]; random: () => number }

const sizesMib = [2_500, 4_000, 6_000, 9_000, 12_000, 16_000]
const tasks = 80
const meanGapMs = 180

/** Six modules of different popularity, and tasks that arrive at random: all from one seed. */
export function scenarioOf(seed: number): Scenario {
  const random = randomFrom(seed)
  const modules = sizesMib.map(
    (mib, at): SimulatedModule => ({
      name: `model-${at + 1}`,
      mib,
      // Not in proportion to its size: some small models take long to load.
      loadSeconds: 0.1 + random() * 0.9,
      late: random() < 0.5 ? 0 : random() * 0.4,
    }),
  )
  const popular = shuffled(modules, random)
  const arrivals: Arrival[] = []
  let atMs = 0
  for (let id = 1; id <= tasks; id += 1) {
    atMs += -Math.log(1 - random()) * meanGapMs
    const module = popular[zipf(popular.length, random)] ?? modules[0]
    if (!module) throw new Error('a scenario without modules')
    arrivals.push({
      id,
      atMs,
      module: module.name,
      isUrgent: random() < 0.1,
      seconds: 0.03 + random() * 0.12,
    })
  }
  return { modules, arrivals, random }
}

/** Demand for the n-th module is proportional to 1/n. */
function zipf(count: number, random: () => number): number {
  const weights = Array.from({ length: count }, (_, at) => 1 / (at + 1))
  let left = random() * weights.reduce((sum, one) => sum + one, 0)
  return weights.findIndex((weight) => {
    left -= weight
    return left <= 0
  })
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

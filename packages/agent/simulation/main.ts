import { parseArgs } from 'node:util'
import { type Played, type Policy, play } from './play.ts'

/** `npm run test:gpu -- --seeds 20`; `--seed N` plays one. Exits with 1 if a rule broke or the comparison is lost. */
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '20' }, seed: { type: 'string' } },
})
const seeds = values.seed
  ? [Number(values.seed)]
  : Array.from({ length: Number(values.seeds) }, (_, at) => at + 1)
const policies: Policy[] = ['cheapest', 'least recently used']
const played: Record<Policy, Played[]> = { cheapest: [], 'least recently used': [] }

for (const seed of seeds) {
  for (const policy of policies) {
    const one = await play(seed, policy)
    played[policy].push(one)
    const { worst, median } = waitsOf([one])
    console.log(
      `seed ${String(seed).padStart(2)}  ${policy.padEnd(19)}  ${String(one.loads).padStart(3)} loads  ` +
        `wait median ${median} ms, worst ${worst} ms${one.faults.map((fault) => `\n  BROKEN: ${fault}`).join('')}`,
    )
  }
}
for (const policy of policies) {
  const all = played[policy]
  const loads = all.map((one) => one.loads)
  const { worst, median } = waitsOf(all)
  console.log(
    `${policy}: ${sum(loads)} loads (${sum(all.map(({ loadSeconds }) => loadSeconds)).toFixed(0)} s) over ${all.length} seeds (median ${medianOf(loads)}, worst ${Math.max(...loads)}), ` +
      `waits median ${median} ms, worst ${worst} ms`,
  )
}
const [ours, theirs] = policies.map((policy) => sum(played[policy].map(({ loads }) => loads)))
const broken = played.cheapest.flatMap(({ seed, faults }) => faults.map((fault) => `seed ${seed}: ${fault}`))
console.log(`ratio of loads ${((ours ?? 0) / (theirs ?? 1)).toFixed(2)}; broken rules: ${broken.length}`)
process.exit(broken.length > 0 || (ours ?? 0) >= (theirs ?? 0) ? 1 : 0)

function waitsOf(some: readonly Played[]): { worst: number; median: number } {
  const waits = some.flatMap(({ waitsMs }) => waitsMs)
  return { worst: Math.round(Math.max(...waits)), median: Math.round(medianOf(waits)) }
}

function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

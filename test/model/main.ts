import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { MongoClient } from 'mongodb'
import { type Played, play } from './play.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    step: { type: 'string', default: '1' },
    offset: { type: 'string', default: '0' },
    all: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
})
const from = Number(values.seed ?? values.from) + Number(values.offset)
const step = Number(values.step)
const last = values.seed === undefined ? Number(values.from) + Number(values.seeds) - 1 : from
const atOnce = values.seed === undefined ? 4 : 1

const client = new MongoClient(values.url ?? '', {
  writeConcern: { w: 'majority', journal: true },
  ignoreUndefined: true,
  retryWrites: false,
})
let next = from
let played = 0
let broken: Played | undefined
let lastPlayed: Played | undefined
const start = performance.now()

async function worker(): Promise<void> {
  while (next <= last && (values.all || !broken)) {
    const seed = next
    next += step
    const one = await play(client, seed)
    played += 1
    lastPlayed = one
    if (one.broken) {
      broken ??= one
      console.log(`seed ${one.seed}: ${one.broken}`)
    }
  }
}
await Promise.all(Array.from({ length: atOnce }, worker))
const shown = values.seed === undefined ? undefined : (broken ?? (values.trace ? lastPlayed : undefined))
if (shown) for (const line of shown.trace) console.log(`  ${line}`)
console.log(
  `${played} lives played in ${((performance.now() - start) / 1000).toFixed(1)} s on ${availableParallelism()} cores, ${broken ? 'one or more broken' : 'every rule held'}`,
)
await client.close()
process.exitCode = broken ? 1 : 0

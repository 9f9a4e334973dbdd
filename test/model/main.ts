import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { type Db, MongoClient } from 'mongodb'
import { memoryDb } from './memory-db.ts'
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

/** Without a URL the database is in memory. */
const client =
  values.url === undefined
    ? null
    : new MongoClient(values.url, {
        writeConcern: { w: 'majority', journal: true },
        ignoreUndefined: true,
        retryWrites: false,
      })
const databaseOf = (seed: number): Db => client?.db(`model-${process.pid}-${seed}`) ?? memoryDb()
let next = from
let played = 0
let broken: Played | undefined
let lastPlayed: Played | undefined
const told = new Map<number, string>()
const start = performance.now()

async function worker(): Promise<void> {
  while (next <= last && (values.all || !broken)) {
    const seed = next
    next += step
    const one = await play(databaseOf(seed), seed)
    played += 1
    lastPlayed = one
    told.set(seed, createHash('sha256').update(one.trace.join('\n')).digest('hex'))
    if (one.broken) {
      broken ??= one
      console.log(`seed ${one.seed}: ${one.broken}`)
    }
  }
}
await Promise.all(Array.from({ length: atOnce }, worker))
const shown = values.seed === undefined ? undefined : (broken ?? (values.trace ? lastPlayed : undefined))
if (shown) for (const line of shown.trace) console.log(`  ${line}`)
const digest = createHash('sha256')
for (const [, trace] of [...told].sort(([a], [b]) => a - b)) digest.update(trace)
console.log(
  `${played} lives played in ${((performance.now() - start) / 1000).toFixed(1)} s on ${availableParallelism()} cores, ${broken ? 'one or more broken' : 'every rule held'}; digest ${digest.digest('hex').slice(0, 16)}`,
)
await client?.close()
process.exitCode = broken ? 1 : 0

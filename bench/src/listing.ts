import { performance } from 'node:perf_hooks'
import { openStore } from '@millrace/api'
import { connect } from '@millrace/client'
import { DataId } from '@millrace/shared'
import type { Bench } from './bench.ts'
import { ask } from './http.ts'
import { median, quantile } from './statistics.ts'

const sizes = [1_000, 10_000, 100_000]
const rounds = 30
const rare = { every: 500, tag: 'rare', label: 'rare ' }

/** A page of 20 data items out of more and more, over HTTP, for each filter. */
export async function listing({ installation, databaseUrl }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const example = await client.createValue({ label: 'example', value: 1 })
  const store = openStore(databaseUrl)
  const one = await store.data.get(example.id)
  if (!one) throw new Error('the item that was just made is not in this database')

  process.stdout.write(
    'GET /api/data?limit=20, median (p99) of 30 in ms; the last column is the worst against 1,000 items\n',
  )
  const table = new Map<string, number[]>()
  let made = 0
  for (const size of sizes) {
    for (; made < size; made += 1_000) {
      const some = Array.from({ length: 1_000 }, (_, at) => made + at)
      await store.data.insertMissing(
        some.map((n) => ({
          ...one,
          _id: idOf(n),
          label: `${n % rare.every === 0 ? rare.label : 'usual '}${n}`,
          tags: n % rare.every === 0 ? [rare.tag] : ['usual'],
          type: n % 2 ? 'json' : 'image',
        })),
      )
    }
    const middle = Buffer.from(idOf(size / 2)).toString('base64url')
    const queries = {
      'no filter': '',
      'from the middle on': `&cursor=${middle}`,
      'status=available': '&status=available',
      'type=image': '&type=image',
      'tag, 1 in 500': `&tag=${rare.tag}`,
      'label, 1 in 500': `&label=${rare.label.trim()}`,
      'producer, none': `&producer=tsk_${'0'.repeat(26)}`,
    }
    for (const [name, query] of Object.entries(queries)) {
      const times: number[] = []
      for (let round = 0; round < rounds + 3; round += 1) {
        const start = performance.now()
        await ask(installation, 'GET', `/api/data?limit=20${query}`)
        if (round >= 3) times.push(performance.now() - start)
      }
      table.set(name, [...(table.get(name) ?? []), median(times), quantile(times, 0.99)])
    }
  }
  await store.close()

  process.stdout.write(`${''.padEnd(20)}${sizes.map((size) => String(size).padStart(18)).join('')}\n`)
  for (const [name, times] of table) {
    const cells = sizes.map((_, at) => `${times[2 * at]?.toFixed(1)} (${times[2 * at + 1]?.toFixed(1)})`)
    const growth = (times.at(-2) ?? 0) / (times[0] ?? 1)
    process.stdout.write(
      `${name.padEnd(20)}${cells.map((cell) => cell.padStart(18)).join('')}   × ${growth.toFixed(1)}\n`,
    )
  }
}

const idOf = (n: number): DataId => DataId.parse(`dat_${String(n).padStart(26, '0')}`)

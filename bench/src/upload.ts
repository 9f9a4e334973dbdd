import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { type Client, connect } from '@millrace/client'
import { UploadAnswer } from '@millrace/shared'
import { barePut } from './bare-put.ts'
import type { Bench } from './bench.ts'
import { ask } from './http.ts'
import { median } from './statistics.ts'

const KiB = 1024
const MiB = KiB * KiB
const sizes = [
  { name: '1 KB', bytes: KiB, rounds: 100 },
  { name: '1 MB', bytes: MiB, rounds: 40 },
  { name: '64 MB', bytes: 64 * MiB, rounds: 10 },
  { name: '1 GB', bytes: KiB * MiB, rounds: 3 },
]

/**
 * The client's upload, from the first call until the item is available, against one bare PUT of the same bytes to the
 * same store by the same process; both alternate. An upload with checksums against a bare PUT that hashes as well.
 */
export async function upload({ installation, store }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const bare = barePut(store)
  const chosen = sizes.filter(({ name }) => !process.env.BENCH_SIZES || process.env.BENCH_SIZES === name)
  for (const checksums of [false, true]) {
    process.stdout.write(checksums ? 'with SHA-256\n' : 'without checksums\n')
    for (const { name, bytes, rounds } of chosen) {
      const times = { bare: [] as number[], millrace: [] as number[] }
      const before = await memory(client)
      for (let round = 0; round < rounds + 1; round += 1) {
        const body = fresh(bytes)
        const put = async () => bare.put(body, checksums ? await sha256Of(body) : undefined)
        const send = async () => {
          const { id } = await client.uploadFile(body, { name: 'bench', checksums })
          return () => client.deleteData(id)
        }
        const measure = {
          async bare() {
            const { ms, result } = await timed(put)
            await result()
            times.bare.push(ms)
          },
          async millrace() {
            const { ms, result } = await timed(send)
            await result()
            times.millrace.push(ms)
          },
        }
        const order = [measure.bare, measure.millrace]
        for (const one of round % 2 ? order.reverse() : order) await one()
        // The first upload opens connections and compiles code.
        if (round === 0) for (const all of Object.values(times)) all.length = 0
      }
      const [alone, whole] = [median(times.bare), median(times.millrace)]
      const speed = (bytes / MiB / (whole / 1000)).toFixed(1)
      const grown = Math.round(((await memory(client)) - before) / MiB)
      process.stdout.write(
        `${name.padEnd(6)} bare ${alone.toFixed(1)} ms   millrace ${whole.toFixed(1)} ms (${speed} MB/s)   ratio ${(alone / whole).toFixed(2)}   API memory ${grown >= 0 ? '+' : ''}${grown} MB   ${rounds} rounds\n`,
      )
    }
  }
  bare.close()
  await presigning(installation, client)
}

/** Presigns a URL together with its item, or URLs for parts of an existing item. */
async function presigning(installation: Bench['installation'], client: Client): Promise<void> {
  const single: number[] = []
  const parts: number[] = []
  const large = { name: 'large', size: 2000 * 16 * MiB }
  const created = await ask(installation, 'POST', '/api/data', { label: 'x', file: large })
  const { data } = UploadAnswer.parse(created)
  const wanted = Array.from({ length: 100 }, (_, at) => ({ partNumber: at + 1 }))
  for (let round = 0; round < 120; round += 1) {
    const file = { name: 'presigned', size: 5, contentType: 'text/plain' }
    const one = await timed(() => ask(installation, 'POST', '/api/data', { label: 'x', file }))
    const many = await timed(() => ask(installation, 'POST', `/api/data/${data.id}/parts`, { parts: wanted }))
    await client.deleteData(UploadAnswer.parse(one.result).data.id)
    if (round < 20) continue
    single.push(one.ms)
    parts.push(many.ms / wanted.length)
  }
  await client.deleteData(data.id)
  process.stdout.write(
    `presigning: POST /api/data, the item kept and its URL signed: median ${median(single).toFixed(1)} ms; POST …/parts for 100 URLs: ${median(parts).toFixed(2)} ms each\n`,
  )
}

/** Never the same bytes twice: the API would deduplicate them. */
function fresh(bytes: number): Blob {
  const some = randomBytes(Math.min(bytes, 64 * MiB))
  return new Blob(Array.from({ length: Math.ceil(bytes / some.length) }, () => some))
}

async function sha256Of(body: Blob): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', await body.arrayBuffer())).toString('base64')
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now()
  const result = await work()
  return { ms: performance.now() - start, result }
}

async function memory(client: ReturnType<typeof connect>): Promise<number> {
  const text = await (await client.send('GET', '/metrics')).text()
  return Number(text.match(/^process_resident_memory_bytes (\S+)/m)?.[1] ?? Number.NaN)
}

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { connect } from '@millrace/client'
import { barePut } from './bare-put.ts'
import type { Bench } from './main.ts'
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
 * The client's upload, from the first call until the item is available, against one bare PUT of the same bytes to
 * the same store by the same process; both alternate. With checksums against a bare PUT that hashes as well.
 */
export async function upload({ installation, store }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const bare = barePut(store)
  const presign: number[] = []
  for (const checksums of [false, true]) {
    process.stdout.write(checksums ? 'with SHA-256\n' : 'without checksums\n')
    for (const { name, bytes, rounds } of sizes) {
      const times = { bare: [] as number[], millrace: [] as number[] }
      const before = await memory(client)
      for (let round = 0; round < rounds + 1; round += 1) {
        const body = fresh(bytes)
        const put = async () =>
          bare.put(body, checksums && bytes <= 100 * MiB ? await sha256Of(body) : undefined)
        const send = async () => {
          const { id } = await client.uploadFile(body, { name: 'bench', checksums })
          return () => client.deleteData(id)
        }
        const measure = {
          bare: async () => times.bare.push((await timed(put)).ms),
          async millrace() {
            const { ms, result } = await timed(send)
            await result()
            times.millrace.push(ms)
          },
        }
        const order = [measure.bare, measure.millrace]
        for (const one of round % 2 ? order.reverse() : order) await one()
        // Connections are open and code is compiled after the first.
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
  for (let round = 0; round < 100; round += 1) {
    const file = { name: 'presigned', size: 5, contentType: 'text/plain' }
    const { ms, result } = await timed(() => client.send('POST', '/api/data', { body: { label: 'x', file } }))
    presign.push(ms)
    await client.deleteData((await result.json()).data.id)
  }
  process.stdout.write(`POST /api/data with a presigned URL: median ${median(presign).toFixed(1)} ms\n`)
  bare.close()
}

/** Never the same bytes twice: the store would have them already. */
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

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { startNats } from '@millrace/infra'
import type { Bench } from './bench.ts'
import { ask } from './http.ts'
import { pretendAgent } from './pretend-agent.ts'
import { median, quantile } from './statistics.ts'

const blocks = Number(process.env.BENCH_ROUNDS ?? 12)
const perBlock = 150
const inFlight = [1, 8]
const body = { module: 'bench-submit', inputs: { text: 'It is a truth universally acknowledged' } }

/** POST of a task until 201, against a bare Hono route that makes the same inserts and the same publish. */
export async function submit({ installation, databaseUrl }: Bench): Promise<void> {
  const agent = await pretendAgent(installation, 'bench-submit')
  const bare = await startBare(databaseUrl)
  const sides = {
    bare: () => ask({ url: bare.url, adminKey: '' }, 'POST', '/tasks', body),
    millrace: () => ask(installation, 'POST', '/api/tasks', body),
  }
  try {
    for (const side of Object.values(sides)) await block(side, 400, 4) // until both are warm
    for (const concurrency of inFlight) {
      const rates = { bare: [] as number[], millrace: [] as number[] }
      for (let round = 0; round < blocks; round += 1) {
        const names: (keyof typeof sides)[] = round % 2 ? ['millrace', 'bare'] : ['bare', 'millrace']
        for (const name of names) rates[name].push(await block(sides[name], perBlock, concurrency))
        await agent.beat()
      }
      process.stdout.write(`${concurrency} at a time, ${blocks} alternating blocks of ${perBlock} requests\n`)
      for (const [name, some] of Object.entries(rates))
        process.stdout.write(
          `  ${name.padEnd(9)} median ${median(some).toFixed(0)}/s   slowest ${quantile(some, 0).toFixed(0)}/s\n`,
        )
      process.stdout.write(
        `  ratio     ${(median(rates.millrace) / median(rates.bare)).toFixed(2)} of its rate\n`,
      )
    }
  } finally {
    await bare.stop()
  }
}

/** Requests a second. */
async function block(send: () => Promise<unknown>, count: number, concurrency: number): Promise<number> {
  let left = count
  const start = performance.now()
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left-- > 0) await send()
    }),
  )
  return count / ((performance.now() - start) / 1000)
}

async function startBare(databaseUrl: string) {
  const home = await mkdtemp(join(tmpdir(), 'millrace-bare-'))
  const nats = await startNats({ home })
  const entry = join(import.meta.dirname, 'bare-submit-main.ts')
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, ...nats.env, MONGODB_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [url] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    url: String(url),
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await nats.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { openStore } from '@millrace/api'
import { connect } from '@millrace/client'
import { ScheduleId } from '@millrace/shared'
import type { Bench } from './bench.ts'
import { pretendAgent } from './pretend-agent.ts'
import { quantile } from './statistics.ts'

const count = Number(process.env.BENCH_SCHEDULES ?? 10_000)

/** Ten thousand schedules that are due at once: the time to fire them all, and the length of the ticks meanwhile. */
export async function schedules({ installation, databaseUrl }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  await pretendAgent(installation, 'bench-schedules')
  const { id } = await client.createSchedule({
    name: 'bench',
    cron: '0 0 1 1 *',
    catchUpSeconds: 86_400,
    task: { module: 'bench-schedules', inputs: { text: 'x' } },
  })
  const store = openStore(databaseUrl)
  const one = await store.schedules.get(id)
  if (!one) throw new Error('the schedule that was just made is not in this database')
  const due = new Date()
  for (let made = 0; made < count; made += 1_000)
    await store.schedules.insertMissing(
      Array.from({ length: Math.min(1_000, count - made) }, (_, at) => ({
        ...one,
        _id: ScheduleId.parse(`sch_${String(made + at).padStart(26, '0')}`),
        nextFireAt: due,
      })),
    )
  const start = performance.now()
  const lags: number[] = []
  const lengths: number[] = []
  for (;;) {
    await pause(1_000)
    const text = await (await client.send('GET', '/metrics')).text()
    lags.push(metric(text, 'millrace_tick_lag_seconds'))
    lengths.push(metric(text, 'millrace_tick_seconds'))
    const left = await store.schedules.count({ enabled: true, nextFireAt: { $lte: due } })
    if (left === 0) break
  }
  const seconds = (performance.now() - start) / 1000
  await store.close()
  process.stdout.write(
    `${count} due at once: all had fired after ${seconds.toFixed(0)} s, ${(count / seconds).toFixed(0)} a second\n`,
  )
  process.stdout.write(
    `a tick, all of its jobs: median ${quantile(lengths, 0.5).toFixed(2)} s, longest ${quantile(lengths, 1).toFixed(2)} s; began at most ${quantile(lags, 1).toFixed(2)} s late\n`,
  )
}

const metric = (text: string, name: string): number =>
  Number(text.match(new RegExp(`^${name} (\\S+)`, 'm'))?.[1] ?? 0)

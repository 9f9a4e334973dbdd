import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '@millrace/client'
import type { Bench } from './bench.ts'
import { startAgent } from './start-agent.ts'
import { untilAvailable } from './until-available.ts'

const seconds = Number(process.env.BENCH_SECONDS ?? 60)
const settleMs = 15_000
const ticksPerSecond = 100

/** The processor time and memory of an idle agent with an available module. Linux only. */
export async function idle({ installation, modulesDir }: Bench): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-idle-'))
  const agent = await startAgent(client, installation.url, folder)
  try {
    await cp(join(modulesDir, 'text-stats'), join(agent.modulesDir, 'idle'), { recursive: true })
    await agent.rename(join(agent.modulesDir, 'idle'), 'idle')
    await agent.start()
    await untilAvailable(installation, ['idle'])
    // The first start compiles and installs; measure a later one.
    await agent.stop()
    await agent.start()
    await pause(settleMs)
    const before = await usedBy(agent.pid)
    await pause(seconds * 1000)
    const after = await usedBy(agent.pid)
    const share = (after.cpuSeconds - before.cpuSeconds) / seconds
    process.stdout.write(
      `an idle agent over ${seconds} s: ${(share * 100).toFixed(2)} % of a core (wanted: at most 0.3 %), ` +
        `${(after.residentBytes / 1e6).toFixed(1)} MB resident (wanted: at most 90 MB)\n`,
    )
  } finally {
    await agent.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Processor time in user space and in the kernel, and resident memory, from `/proc`. */
async function usedBy(pid: number): Promise<{ cpuSeconds: number; residentBytes: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    residentBytes: kilobytes * 1024,
  }
}

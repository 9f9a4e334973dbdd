import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@millrace/client'
import { spawnInstallation } from '@millrace/infra'
import { describeMachine } from './machine.ts'
import { overhead } from './overhead.ts'
import { untilAvailable } from './until-available.ts'

/** Each benchmark gets a running installation of its own and prints what it measured. */
const benchmarks = { overhead }

async function main(): Promise<number> {
  const name = process.argv[2] ?? ''
  if (!isBenchmark(name)) {
    process.stderr.write(`usage: npm run bench -- ${Object.keys(benchmarks).join(' | ')}\n`)
    return 2
  }
  const home = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const installation = await spawnInstallation({
    home,
    env: { ...process.env, LOG_LEVEL: 'warn' },
    freePort: true,
    report: (line) => process.stderr.write(`  ${line}\n`),
  })
  try {
    const client = connect({ url: installation.url, key: installation.adminKey })
    await untilAvailable(client, 'text-stats')
    process.stdout.write(`${await describeMachine()}\n`)
    await benchmarks[name](client)
    return 0
  } finally {
    await installation.stop()
    await rm(home, { recursive: true, force: true })
  }
}

const isBenchmark = (name: string): name is keyof typeof benchmarks => Object.hasOwn(benchmarks, name)

process.exitCode = await main()

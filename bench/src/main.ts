import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SpawnedInstallation, spawnInstallation } from '@millrace/infra'
import { describeMachine } from './machine.ts'
import { overhead } from './overhead.ts'
import { untilAllAvailable } from './until-available.ts'

/** Each benchmark gets a running installation of its own and prints what it measured. */
const benchmarks = { overhead }

async function main(): Promise<number> {
  const name = process.argv[2] ?? ''
  if (!isBenchmark(name)) {
    process.stderr.write(`usage: npm run bench -- ${Object.keys(benchmarks).join(' | ')}\n`)
    return 2
  }
  const home = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  try {
    // The first start compiles and installs; what is measured is one like any other after it.
    await withInstallation(home, untilAllAvailable)
    await withInstallation(home, async (installation) => {
      await untilAllAvailable(installation)
      process.stdout.write(`${await describeMachine()}\n`)
      await benchmarks[name](installation)
    })
    return 0
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function withInstallation(
  home: string,
  use: (installation: SpawnedInstallation) => Promise<void>,
): Promise<void> {
  const installation = await spawnInstallation({
    home,
    env: { ...process.env, LOG_LEVEL: 'warn' },
    freePort: true,
    report: (line) => process.stderr.write(`  ${line}\n`),
  })
  try {
    await use(installation)
  } finally {
    await installation.stop()
  }
}

const isBenchmark = (name: string): name is keyof typeof benchmarks => Object.hasOwn(benchmarks, name)

process.exitCode = await main()

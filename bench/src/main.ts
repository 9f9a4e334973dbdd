import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  plainReport,
  type SpawnedInstallation,
  spawnInstallation,
  startMongo,
  startStore,
} from '@millrace/infra'
import { chains } from './chains.ts'
import { depth } from './depth.ts'
import { idle } from './idle.ts'
import { listing } from './listing.ts'
import { describeMachine } from './machine.ts'
import { modules } from './modules.ts'
import { overhead } from './overhead.ts'
import { recovery } from './recovery.ts'
import { schedules } from './schedules.ts'
import { submit } from './submit.ts'
import { throughput } from './throughput.ts'
import { untilAvailable } from './until-available.ts'
import { upload } from './upload.ts'
import { warm } from './warm.ts'
import { workers } from './workers.ts'

/** Each benchmark gets a separate running installation and prints its figures. */
const benchmarks = {
  overhead,
  warm,
  throughput,
  idle,
  recovery,
  submit,
  chains,
  depth,
  schedules,
  upload,
  listing,
  modules,
  workers,
}

/** The modules of its agent: more would install for minutes before the measurement. */
const examples = ['text-stats', 'text-stats-fresh', 'face-detect']
const ofThisRepository = join(import.meta.dirname, '../../modules')

async function main(): Promise<number> {
  const name = process.argv[2] ?? ''
  if (!isBenchmark(name)) {
    process.stderr.write(`usage: npm run bench -- ${Object.keys(benchmarks).join(' | ')}\n`)
    return 2
  }
  const home = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const store = await startStore({ home: join(home, 'store') })
  const mongo = await startMongo({ home: join(home, 'database') })
  try {
    const workersFile = join(home, 'workers.json')
    const modulesDir = join(home, 'modules')
    for (const name of ['text-stats', 'face-detect'])
      await cp(join(ofThisRepository, name), join(modulesDir, name), { recursive: true })
    await neverWarm(modulesDir)
    const env = {
      ...process.env,
      ...store.env,
      ...mongo.env,
      WORKERS_FILE: workersFile,
      MODULES_DIR: modulesDir,
      LOG_LEVEL: 'warn',
    }
    const untilAll = (installation: SpawnedInstallation) => untilAvailable(installation, examples)
    // The first start compiles and installs; measure a later one.
    await withInstallation(home, env, untilAll)
    await withInstallation(home, env, async (installation) => {
      await untilAll(installation)
      process.stdout.write(`${await describeMachine()}\n`)
      const databaseUrl = mongo.env.MONGODB_URL ?? ''
      await benchmarks[name]({ installation, store: store.env, databaseUrl, workersFile, modulesDir })
    })
    return 0
  } finally {
    await Promise.all([store.stop(), mongo.stop()])
    await rm(home, { recursive: true, force: true })
  }
}

async function withInstallation(
  home: string,
  env: NodeJS.ProcessEnv,
  use: (installation: SpawnedInstallation) => Promise<void>,
): Promise<void> {
  const report = plainReport(process.stderr)
  const installation = await spawnInstallation({ home, env, freePort: true, report })
  try {
    await use(installation)
  } finally {
    await installation.stop()
  }
}

/** The same module again, started for every run. */
async function neverWarm(modulesDir: string): Promise<void> {
  const copy = join(modulesDir, 'text-stats-fresh')
  await cp(join(ofThisRepository, 'text-stats'), copy, { recursive: true })
  const file = join(copy, 'module.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ ...manifest, name: 'text-stats-fresh', modes: ['run'] }))
}

const isBenchmark = (name: string): name is keyof typeof benchmarks => Object.hasOwn(benchmarks, name)

process.exitCode = await main()

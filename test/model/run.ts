import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startMongo } from '@millrace/infra'
import { mutations } from './mutations.ts'

/**
 * `npm run test:model`: lives by the thousand, in memory. `-- --seed N` plays one and prints it, `-- --mutations` looks
 * for every planted bug, `-- --real` plays over a separate database.
 */
const home = await mkdtemp(join(tmpdir(), 'millrace-model-'))
const server = process.argv.includes('--real')
  ? await startMongo({ home, env: process.env, report: (line) => console.error(line) })
  : null
const given = process.argv.slice(2).filter((one) => one !== '--real')

async function main(): Promise<number> {
  if (given.includes('--mutations')) return findAll()
  if (given.includes('--seed')) return play(given)
  // One process for each of two cores, with every other seed.
  const halves = ['0', '1'].map((offset) =>
    play(['--seeds', '5000', ...given, '--step', '2', '--offset', offset]),
  )
  return Math.max(...(await Promise.all(halves)))
}

/** The exit code of a process that plays: 1 when a rule was broken. */
function play(args: string[], mutation?: string): Promise<number> {
  const hooks = mutation ? ['--import', resolve(import.meta.dirname, 'plant.ts')] : []
  const entry = resolve(import.meta.dirname, 'main.ts')
  const over = server ? ['--url', server.env.MONGODB_URL ?? ''] : []
  const child = spawn(process.execPath, [...hooks, entry, ...over, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...(mutation ? { MILLRACE_MUTATION: mutation } : {}) },
  })
  return new Promise((done) => child.once('exit', (code) => done(code ?? 1)))
}

async function findAll(): Promise<number> {
  const missed: string[] = []
  for (const { name } of mutations) {
    console.log(`planted: ${name}`)
    if ((await play(['--seeds', '5000'], name)) !== 1) missed.push(name)
  }
  console.log(missed.length === 0 ? 'every planted bug was found' : `not found: ${missed.join(', ')}`)
  return missed.length
}

try {
  process.exitCode = await main()
} finally {
  await server?.stop()
  await rm(home, { recursive: true, force: true })
}

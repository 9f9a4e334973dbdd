import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startMongo } from '@millrace/infra'

/** `npm run test:model`: a database for the model, and one process of it for each of two cores. */
const home = await mkdtemp(join(tmpdir(), 'millrace-model-'))
const server = await startMongo({ home, env: process.env, report: (line) => console.error(line) })
const given = process.argv.slice(2)
const single = given.includes('--seed')
const processes = single ? 1 : 2
const entry = resolve(import.meta.dirname, 'main.ts')

const codes = await Promise.all(
  Array.from({ length: processes }, (_, at) => {
    const split = single ? [] : ['--step', String(processes), '--offset', String(at)]
    const child = spawn(
      process.execPath,
      [entry, '--url', server.env.MONGODB_URL ?? '', ...given, ...split],
      {
        stdio: 'inherit',
      },
    )
    return new Promise<number>((done) => child.once('exit', (code) => done(code ?? 1)))
  }),
)
await server.stop()
await rm(home, { recursive: true, force: true })
process.exitCode = Math.max(...codes)

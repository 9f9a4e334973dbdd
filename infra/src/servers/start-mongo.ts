import { join } from 'node:path'
import { exists } from '../find/exists.ts'
import { findProgram } from '../find/find-programs.ts'
import { privateFolder } from '../home/secret-file.ts'
import { given } from './given.ts'
import { pingMongo } from './ping-mongo.ts'
import { runServer } from './run-server.ts'
import { givenServer, type Server, type ServerOptions } from './server.ts'

const database = 'millrace'
/** MongoDB has no password here, so it listens nowhere else. */
const loopback = '127.0.0.1'

/** A stand-alone mongod. `env` is `MONGODB_URL`. */
export async function startMongo(options: ServerOptions): Promise<Server> {
  const { home, env = process.env } = options
  const elsewhere = given('mongo', env)
  if (elsewhere) return givenServer('mongo', elsewhere)

  const program = await findProgram('mongod', { ...options, env })
  await mentionOldDatabase(options)
  return runServer(
    {
      name: 'mongo',
      logName: 'mongod',
      source: program.source,
      portVariable: 'MONGODB_PORT',
      host: loopback,
      order: 3,
      async command(host, port) {
        const data = join(home, 'mongo', 'data')
        await privateFolder(data)
        const parameters = ['--dbpath', data, '--bind_ip', host, '--port', String(port), ...mongodOptions]
        return { file: program.file, parameters, env: {} }
      },
      probe: pingMongo,
      readyLine: /Waiting for connections/,
      env: (host, port) => ({ MONGODB_URL: `mongodb://${host}:${port}/${database}` }),
    },
    options,
  )
}

/** For development: little memory, little disk, and no compression, which had CVE-2025-14847. */
const mongodOptions: readonly string[] = [
  ...['--networkMessageCompressors', 'disabled', '--wiredTigerCacheSizeGB', '0.25'],
  // 17 MB of fresh data instead of 300.
  ...['--wiredTigerEngineConfigString', 'log=(prealloc=false,file_max=16MB)'],
  ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
  ...(process.platform === 'win32' ? [] : ['--nounixsocket']),
]

async function mentionOldDatabase({ home, report }: ServerOptions): Promise<void> {
  const old = join(home, 'mongo', 'dev-server')
  if ((await exists(join(home, 'mongo', 'data'))) || !(await exists(old))) return
  report?.(`MongoDB starts empty: it cannot read the database of version 0.1, which stays in ${old}`)
}

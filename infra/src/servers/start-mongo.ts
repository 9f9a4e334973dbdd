import { join } from 'node:path'
import { findProgram, type Program } from '../find/find-programs.ts'
import { onPath } from '../find/on-path.ts'
import { packageSettings } from '../find/package-settings.ts'
import { privateFolder } from '../home/secret-file.ts'
import { given } from './given.ts'
import { pingMongo } from './ping-mongo.ts'
import { runServer } from './run-server.ts'
import { givenServer, type Server, type ServerOptions } from './server.ts'

const database = 'millrace'

/** MongoDB, or the development server that speaks its protocol. `env` is `MONGODB_URL`. */
export async function startMongo(options: ServerOptions): Promise<Server> {
  const { home, cache, env = process.env, report = () => undefined } = options
  const elsewhere = given('mongo', env)
  if (elsewhere) return givenServer('mongo', elsewhere)

  const mongo = await findProgram('mongo', { env, cache, report })
  return runServer(
    {
      name: 'mongo',
      source: mongo.source,
      portVariable: 'MONGODB_PORT',
      order: 3,
      command: (host, port) =>
        mongo.source === 'path' ? mongod(mongo, home, host, port) : devServer(mongo, home, host, port, env),
      probe: pingMongo,
      readyLine: /^listening on|Waiting for connections/m,
      env: (host, port) => ({ MONGODB_URL: `mongodb://${host}:${port}/${database}` }),
    },
    options,
  )
}

async function mongod({ file }: Program, home: string, host: string, port: number) {
  const data = join(home, 'mongo', 'data')
  await privateFolder(data)
  const parameters = ['--dbpath', data, '--bind_ip', host, '--port', String(port), '--nounixsocket']
  return { file, parameters, env: {} }
}

async function devServer(
  { file: jars }: Program,
  home: string,
  host: string,
  port: number,
  env: NodeJS.ProcessEnv,
) {
  await privateFolder(join(home, 'mongo'))
  return {
    file: (await onPath('java', env)) ?? 'java',
    parameters: [
      `-Xmx${env.MONGODB_DEV_HEAP ?? '512m'}`,
      '-XX:+UseSerialGC',
      '-Xshare:auto',
      // Every connection's write waits for a commit; with more threads, more of them share one.
      '-Dio.netty.eventLoopThreads=16',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
      '-cp',
      join(jars, '*'),
      'millrace.Main',
      host,
      String(port),
      join(home, 'mongo', 'dev-server'),
    ],
    env: packageSettings(env),
  }
}

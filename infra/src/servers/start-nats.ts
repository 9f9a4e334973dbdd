import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findProgram } from '../find/find-programs.ts'
import { keptCredentials, writeSecretFile } from '../home/secret-file.ts'
import { given } from './given.ts'
import { natsConfig } from './nats-config.ts'
import { runServer } from './run-server.ts'
import { givenServer, type Server, type ServerOptions } from './server.ts'

/** NATS with JetStream and two users: the API's, and the agents', with few permissions. */
export async function startNats(options: ServerOptions): Promise<Server> {
  const { home, env = process.env } = options
  const elsewhere = given('nats', env)
  if (elsewhere) return givenServer('nats', elsewhere)

  const folder = join(home, 'nats')
  const passwords = await keptCredentials(join(folder, 'credentials.json'), ['api', 'agent'])
  const program = await findProgram('nats-server', { ...options, env })
  return runServer(
    {
      name: 'nats',
      source: program.source,
      portVariable: 'NATS_PORT',
      order: 2,
      command: async (host, port) => {
        // In a file, because every user can read a command line.
        const config = join(folder, 'nats.conf')
        await writeSecretFile(config, natsConfig({ host, port, storeDir: join(folder, 'data'), passwords }))
        return { file: program.file, parameters: ['--config', config], env: {} }
      },
      probe: greetNats,
      readyLine: /Listening for client connections/,
      env: (host, port) => ({
        NATS_URL: `nats://${host}:${port}`,
        NATS_USER: 'api',
        NATS_PASSWORD: passwords.api,
        NATS_AGENT_USER: 'agent',
        NATS_AGENT_PASSWORD: passwords.agent,
      }),
    },
    options,
  )
}

/** A NATS server speaks first: `INFO {…}`. */
async function greetNats(host: string, port: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal })
  try {
    const [greeting] = await once(socket, 'data', { signal })
    if (!String(greeting).startsWith('INFO ')) throw new Error(`no NATS answers on ${host}:${port}`)
  } finally {
    socket.on('error', () => undefined) // the abort may raise a second error
    socket.destroy()
  }
}

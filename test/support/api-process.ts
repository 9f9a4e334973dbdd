import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { connect } from '@millrace/client'
import { type Program, startProgram } from './program.ts'
import { until } from './until.ts'

export const apiEntry = resolve(import.meta.dirname, '../../packages/api/src/node.ts')

export type ApiProcess = Awaited<ReturnType<typeof apiProcess>>

/**
 * The API as a separate process on one port, which a test may kill and start again. The client retries
 * while nothing answers, as every careful client does.
 */
export async function apiProcess(env: Record<string, string>, adminKey: string) {
  const host = env.HOST ?? '127.0.0.1'
  const port = await freePort(host)
  const url = `http://${host}:${port}`
  let program: Program | undefined
  return {
    url,
    port,
    client: connect({ url, key: adminKey, fetch: patientFetch }),
    get program(): Program {
      if (!program) throw new Error('the API was not started')
      return program
    },
    async start(more: Record<string, string> = {}): Promise<Program> {
      const started = startProgram(apiEntry, {
        ...env,
        MILLRACE_ADMIN_KEY: adminKey,
        PORT: String(port),
        ...more,
      })
      program = started
      await until('the API listens', 30, async () => {
        if (started.hasEnded()) throw new Error(started.lines.join('\n'))
        return (await fetch(`${url}/healthz`)).ok
      })
      return started
    },
    async stop(): Promise<void> {
      await program?.stop()
    },
  }
}

/** A free port, which the process gets at each of its starts. */
async function freePort(host: string): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address !== 'object') throw new Error('no port is free')
  return address.port
}

/**
 * Sends a request again while nothing answers, because the process behind it is being started again, and
 * while a first try that died with it still counts as in flight.
 */
export const patientFetch: typeof fetch = async (input, init) => {
  return until(`an answer of ${String(input)}`, 60, async () => {
    const response = await fetch(input, init)
    const passing =
      response.status === 503 || (response.status === 409 && response.headers.has('retry-after'))
    if (!passing) return response
    await response.body?.cancel()
    return null
  })
}

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Json } from '@millrace/shared/for-agents'
import { writeAtomically } from '@millrace/std/fs'
import type { Logger } from 'pino'
import { z } from 'zod'
import { controlFile } from './control-file.ts'
import { isOurName } from './host-names.ts'

export type LocalDeps = {
  home: string
  host: string
  /** 0 chooses a free port. */
  port: number
  /** The status of this agent, for people. */
  status(): Json
  isHealthy(): boolean
  metrics(): Promise<string>
  pause(wish: PauseRequest): Promise<void>
  resume(): Promise<void>
  drain(): Promise<void>
  logger: Logger
}

const PauseRequest = z.strictObject({
  until: z.iso.datetime().nullable().default(null),
  note: z.string().max(500).nullable().default(null),
  /** Whether current runs may finish; else the agent hands them back. */
  finish: z.boolean().default(false),
})
type PauseRequest = z.output<typeof PauseRequest>

const longestBody = 10_000

/**
 * A small server for this machine alone: health and metrics for monitoring, and commands for programs that can read the
 * address and a token in the agent's folder. The network can reach nothing else of the agent.
 */
export async function openLocalServer(deps: LocalDeps): Promise<{ close(): Promise<void> }> {
  const token = randomBytes(24).toString('base64url')
  const server = createServer((request, response) => {
    answer(deps, token, request)
      .then(({ status, body, type }) => {
        response.writeHead(status, { 'content-type': type ?? 'application/json', connection: 'close' })
        response.end(type ? body : `${JSON.stringify(body)}\n`)
      })
      .catch((err: unknown) => fail(deps, response, err))
  })
  server.unref()
  const port = await listenOn(server, deps)
  const file = controlFile(deps.home)
  const url = `http://${deps.host.includes(':') ? `[${deps.host}]` : deps.host}:${port}`
  await writeAtomically(file, JSON.stringify({ pid: process.pid, url, token }))
  deps.logger.debug({ url }, 'listening on this machine')
  return {
    async close() {
      await rm(file, { force: true })
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

type Answer = { status: number; body: Json; type?: string }

async function answer(deps: LocalDeps, token: string, request: IncomingMessage): Promise<Answer> {
  const asked = `${request.method} ${request.url?.split('?')[0]}`
  if (isOfPage(request)) return refused(403, 'The local server answers no requests of web pages.')
  if (!isOurName(request.headers.host, deps.host))
    return refused(403, 'Use 127.0.0.1 or localhost: the Host header does not name this agent.')
  if (asked === 'GET /healthz') {
    const isHealthy = deps.isHealthy()
    return { status: isHealthy ? 200 : 503, body: { ok: isHealthy } }
  }
  if (asked === 'GET /metrics')
    return { status: 200, body: await deps.metrics(), type: 'text/plain; version=0.0.4' }
  if (!isSame(request.headers.authorization ?? '', `Bearer ${token}`))
    return refused(401, 'Send the token from control.json in the agent’s folder.')
  if (asked === 'GET /status') return { status: 200, body: deps.status() }
  if (asked === 'POST /pause') {
    const wish = PauseRequest.safeParse(await bodyOf(request))
    if (!wish.success) return refused(422, z.prettifyError(wish.error))
    await deps.pause(wish.data)
  } else if (asked === 'POST /resume') await deps.resume()
  else if (asked === 'POST /drain') await deps.drain()
  else return refused(404, `Unknown call: ${asked}.`)
  return { status: 200, body: deps.status() }
}

/** Browsers set these headers, and pages cannot. `none`: a person typed the address. */
function isOfPage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'] ?? 'none'
  return headers.origin !== undefined || (site !== 'none' && site !== 'same-origin')
}

const refused = (status: number, error: string): Answer => ({ status, body: { error } })

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > longestBody) return undefined
  }
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    return undefined
  }
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)]
  return one.length === other.length && timingSafeEqual(one, other)
}

function fail(deps: LocalDeps, response: ServerResponse, err: unknown): void {
  deps.logger.error({ err }, 'a local request failed')
  response.writeHead(500, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify({ error: String(err) })}\n`)
}

/** Another agent of this machine may use the configured port: the server then chooses a free one and logs it. */
async function listenOn(server: ReturnType<typeof createServer>, deps: LocalDeps): Promise<number> {
  const listening = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, deps.host, () => {
        server.off('error', reject)
        const address = server.address()
        resolve(typeof address === 'object' && address ? address.port : port)
      })
    })
  try {
    return await listening(deps.port)
  } catch (err) {
    if (deps.port === 0) throw err
    deps.logger.warn({ err, port: deps.port }, 'the local port is not available; using another one')
    return listening(0)
  }
}

import { randomUUID } from 'node:crypto'
import { type ApiPorts, createApp, hashSecret, openPorts, prepare, readConfig } from '@millrace/api'
import { connect } from '@millrace/client'
import { pino } from 'pino'
import { inject } from 'vitest'
import { checkAnswer } from './check-answer.ts'

export const adminKey = 'an-admin-key-for-tests'
const base = 'http://api.test'

/** The API over the real servers, called without a socket; with a separate database. */
export async function openApi(
  change: (deps: ApiPorts) => ApiPorts = (deps) => deps,
  more: Record<string, string> = {},
) {
  const env: Record<string, string> = {
    ...inject('servers'),
    ...more,
    LOG_LEVEL: 'silent',
    MILLRACE_ADMIN_KEY: adminKey,
  }
  env.MONGODB_URL = ownDatabase(env.MONGODB_URL ?? '')
  const config = readConfig(env)
  const deps = change(openPorts(config, pino({ level: 'silent' })))
  await prepare(deps)
  await untilConnected(deps)
  await deps.bus.ensureStreams()
  const { app } = createApp(deps, {
    corsOrigins: ['https://app.example'],
    adminKeyHash: hashSecret(adminKey),
  })
  const request = async (
    path: string,
    init: RequestInit & { key?: string | null } = {},
  ): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (init.key !== null) headers.set('authorization', `Bearer ${init.key ?? adminKey}`)
    if (typeof init.body === 'string' && !headers.has('content-type'))
      headers.set('content-type', 'application/json')
    return checkAnswer(init.method ?? 'GET', path, await app.request(path, { ...init, headers }))
  }
  const clientFetch: typeof fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    if (!url.startsWith(base)) return fetch(input, init)
    const path = url.slice(base.length)
    return checkAnswer(init?.method ?? 'GET', path, await app.request(path, init))
  }
  return {
    deps,
    /** By which another process of the same installation finds its servers. */
    env,
    request,
    post: (path: string, body: unknown, init: RequestInit & { key?: string | null } = {}) =>
      request(path, { method: 'POST', body: JSON.stringify(body), ...init }),
    client: connect({ url: base, key: adminKey, fetch: clientFetch }),
    async close() {
      await deps.bus.close()
      await deps.store.close()
      deps.objects.close()
    },
  }
}

export type TestApi = Awaited<ReturnType<typeof openApi>>

/** The same server, another database. */
export function ownDatabase(url: string): string {
  const own = new URL(url)
  own.pathname = `/test-${randomUUID().slice(0, 8)}`
  return own.href
}

async function untilConnected(deps: ApiPorts): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      return await deps.bus.ping()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

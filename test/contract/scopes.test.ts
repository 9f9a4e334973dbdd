import { createHash } from 'node:crypto'
import { createApp, openPorts, readConfig } from '@millrace/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ description: z.string() }))),
})
type Operation = { method: string; path: string; scope: string | undefined }

async function operations(): Promise<Operation[]> {
  const { paths } = Document.parse(await (await api.request('/openapi.json')).json())
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { description }]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, 'none'),
      scope: description.match(/`(\w+)`/)?.[1],
    })),
  )
}

const granted: Record<string, readonly string[]> = {
  read: ['read'],
  write: ['read', 'write'],
  agent: ['agent'],
  admin: ['read', 'write', 'agent', 'admin'],
}

describe('a key', () => {
  test('opens exactly the endpoints of its scopes', async () => {
    const all = await operations()
    expect(all.length).toBeGreaterThan(30)
    for (const scope of ['read', 'write', 'agent', 'admin'] as const) {
      const { secret } = await api.client.createKey({ name: scope, scopes: [scope] })
      for (const one of all.filter((operation) => operation.scope)) {
        const response = await api.request(one.path, { method: one.method, key: secret })
        const may = granted[scope]?.includes(one.scope ?? '')
        if (may) expect(response.status, `${scope}: ${one.method} ${one.path}`).not.toBe(403)
        else expect(await refusalOf(response)).toEqual({ status: 403, code: 'forbidden' })
      }
    }
  })

  test('of an agent opens /agent/v1 alone; admins alone see keys and audit list, change settings and approve', async () => {
    const all = (await operations()).map((one) => ({ ...one, call: `${one.method} ${one.path}` }))
    for (const { path, scope } of all) expect(scope === 'agent', path).toBe(path.startsWith('/agent/v1/'))
    expect(
      all
        .filter(({ scope }) => scope === 'admin')
        .map(({ call }) => call)
        .sort(),
    ).toEqual([
      'DELETE /api/keys/none',
      'GET /api/audit',
      'GET /api/keys',
      'PATCH /api/settings',
      'POST /api/keys',
      'POST /api/modules/none/approve',
      'POST /api/tick',
    ])
    const open = all.filter(({ scope }) => scope === undefined).map(({ path }) => path)
    expect(open.sort()).toEqual(['/healthz', '/readyz'])
    for (const page of ['/docs', '/openapi.json'])
      expect((await api.request(page, { key: null })).status).toBe(200)
    const withRead = all.filter(({ scope }) => scope === 'read')
    // A ticket can do nothing but read, and tickets are all that a reader can make.
    expect(withRead.filter(({ method }) => method !== 'GET').map(({ path }) => path)).toEqual([
      '/api/tickets',
    ])
  })

  test('that may read sees what was made with any other', async () => {
    const [one, other] = [
      await api.client.createKey({ name: 'one', scopes: ['write'] }),
      await api.client.createKey({ name: 'other', scopes: ['read'] }),
    ]
    const made = await api.post('/api/data', { label: 'of one', value: 1 }, { key: one.secret })
    const { data } = await made.json()
    expect((await api.request(`/api/data/${data.id}`, { key: other.secret })).status).toBe(200)
    const { items } = await (await api.request('/api/data', { key: other.secret })).json()
    expect(items.map(({ id }: { id: string }) => id)).toContain(data.id)
  })

  test('of two scopes opens both', async () => {
    const { secret } = await api.client.createKey({ name: 'both', scopes: ['agent', 'read'] })
    expect((await api.request('/api/tasks', { key: secret })).status).toBe(200)
    expect((await api.request('/agent/v1/claim', { method: 'POST', key: secret })).status).toBe(422)
    expect((await api.post('/api/data', {}, { key: secret })).status).toBe(403)
  })
})

describe('401 unauthorized', () => {
  const refused = { status: 401, code: 'unauthorized' }

  test('at every endpoint that needs a key, without one', async () => {
    for (const { method, path, scope } of await operations()) {
      const response = await api.request(path, { method, key: null })
      if (scope) expect(await refusalOf(response), path).toEqual(refused)
      else expect(response.status, path).toBe(200)
    }
  })

  test('for a key that is wrong, cut, of another kind or only in the query', async () => {
    const { secret } = await api.client.createKey({ name: 'a', scopes: ['read'] })
    const wrong = [`${secret}x`, (secret ?? '').slice(0, -1), 'mlr_', 'x', 'mlr_01ARZ3NDEKTSV4RRFFQ69G5FAV_a']
    for (const key of wrong)
      expect(await refusalOf(await api.request('/api/tasks', { key }))).toEqual(refused)
    for (const authorization of ['', 'Bearer', `Basic ${secret}`, `${secret}`, `Bearer ${secret} x`]) {
      const response = await api.request('/api/tasks', { key: null, headers: { authorization } })
      expect(await refusalOf(response), authorization).toEqual(refused)
    }
    expect((await api.request(`/api/tasks?key=${secret}`, { key: null })).status).toBe(401)
  })

  test('for an expired key, and at once for a deleted one', async () => {
    const expired = await api.client.createKey({
      name: 'old',
      scopes: ['read'],
      expiresAt: '2026-01-01T00:00:00Z',
    })
    expect(await refusalOf(await api.request('/api/tasks', { key: expired.secret }))).toEqual(refused)
    const { key, secret } = await api.client.createKey({ name: 'gone', scopes: ['read'] })
    expect((await api.request('/api/tasks', { key: secret })).status).toBe(200)
    expect((await api.request(`/api/keys/${key.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await refusalOf(await api.request('/api/tasks', { key: secret }))).toEqual(refused)
    expect((await api.request(`/api/keys/${key.id}`, { method: 'DELETE' })).status).toBe(404)
  })

  test('for a deleted one at every process, once its deletion was answered', async () => {
    const { store, bus, objects, ...deps } = openPorts(readConfig(api.env), api.deps.logger)
    const { app } = createApp({ store, bus, objects, ...deps }, { corsOrigins: [], adminKeyHash: null })
    const { key, secret } = await api.client.createKey({ name: 'gone', scopes: ['read'] })
    const headers = { authorization: `Bearer ${secret}` }
    const ask = async () => (await app.request('/api/settings', { headers })).status
    expect(await ask()).toBe(200)
    let isDeleted = false
    const deleted = api.request(`/api/keys/${key.id}`, { method: 'DELETE' }).finally(() => {
      isDeleted = true
    })
    // Busy all the while, it has always just read the key.
    const during = new Set<number>()
    while (!isDeleted) during.add(await ask())
    expect((await deleted).status).toBe(204)
    expect([...during]).toContain(200)
    expect(await ask()).toBe(401)
    await Promise.all([store.close(), bus.close()])
    objects.close()
  })
})

describe('keys', () => {
  test('show their secret once, and never a hash', async () => {
    const made = await api.client.createKey({ name: 'shown', scopes: ['read'] })
    expect(made.secret).toMatch(/^mlr_[0-9A-Z]{26}_[\w-]{43}$/)
    const text = await (await api.request('/api/keys?limit=200')).text()
    expect(text).toContain(made.key.id)
    expect(text).not.toContain(made.secret)
    expect(text).not.toMatch(/hash/i)
  })

  test('are kept as SHA-256 hashes only', async () => {
    const { key, secret } = await api.client.createKey({ name: 'hashed', scopes: ['read'] })
    const kept = JSON.stringify(await api.deps.store.keys.get(key.id))
    expect(kept).not.toContain(secret?.split('_').at(-1))
    expect(kept).toContain(
      createHash('sha256')
        .update(secret ?? '')
        .digest('hex'),
    )
  })

  test('cannot be changed', async () => {
    const { key } = await api.client.createKey({ name: 'fixed', scopes: ['agent'], trusted: false })
    for (const method of ['PATCH', 'PUT', 'POST'])
      expect((await api.request(`/api/keys/${key.id}`, { method, body: '{"trusted":true}' })).status).toBe(
        405,
      )
  })

  test('are refused without a name, without a scope or with an unknown one', async () => {
    expect(await refusalOf(await api.post('/api/keys', { name: '', scopes: [] }))).toEqual({
      status: 422,
      code: 'invalid_request',
      paths: ['/name', '/scopes'],
    })
    expect(
      await refusalOf(await api.post('/api/keys', { name: 'x', scopes: ['root'], expiresAt: 5 })),
    ).toEqual({ status: 422, code: 'invalid_request', paths: ['/expiresAt', '/scopes/0'] })
  })
})

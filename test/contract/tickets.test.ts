import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { echo, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { bytesOf } from '../support/upload-by-hand.ts'

const clock = shiftedClock()
let api: TestApi
let path: string
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  const { id } = await api.client.upload({
    name: 'a.txt',
    contentType: 'text/plain',
    bytes: bytesOf('hello'),
  })
  path = `/api/data/${id}/content`
})
afterAll(() => api.close())

const unauthorized = { status: 401, code: 'unauthorized' }

async function ticketFor(wanted: string, key?: string | null): Promise<string> {
  const response = await api.post('/api/tickets', { path: wanted }, key ? { key } : {})
  expect(response.status).toBe(201)
  const { ticket, expiresAt } = await response.json()
  const seconds = (Date.parse(expiresAt) - clock.now().getTime()) / 1000
  expect(seconds).toBeGreaterThan(55)
  expect(seconds).toBeLessThanOrEqual(60)
  return ticket
}

/** Without a key. */
const ask = (target: string, init: RequestInit = {}) =>
  api.request(target, { key: null, redirect: 'manual', ...init })

describe('a ticket', () => {
  test('opens its path without a key, again and again, for GET and HEAD', async () => {
    const ticket = await ticketFor(path)
    for (let time = 0; time < 3; time += 1) {
      const redirect = await ask(`${path}?ticket=${ticket}`)
      expect(redirect.status).toBe(302)
      expect(redirect.headers.get('location')).not.toContain(ticket)
      expect(await (await fetch(redirect.headers.get('location') ?? '')).text()).toBe('hello')
    }
    const head = await ask(`${path}?ticket=${ticket}`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5'])
  })

  test('goes before or after the query it was made for, and with no other', async () => {
    const ticket = await ticketFor(`${path}?redirect=0&disposition=inline`)
    for (const target of [
      `${path}?redirect=0&disposition=inline&ticket=${ticket}`,
      `${path}?ticket=${ticket}&redirect=0&disposition=inline`,
    ])
      expect((await ask(target)).status, target).toBe(200)
    for (const target of [
      `${path}?ticket=${ticket}`,
      `${path}?redirect=0&ticket=${ticket}`,
      `${path}?redirect=0&disposition=inline&more=1&ticket=${ticket}`,
      `${path}?disposition=inline&redirect=0&ticket=${ticket}`,
    ])
      expect(await refusalOf(await ask(target)), target).toEqual(unauthorized)
  })

  test('opens no other path, and no other method', async () => {
    const value = await api.client.createValue({ label: 'v', value: 1 })
    const ticket = await ticketFor(`/api/data/${value.id}`)
    expect((await ask(`/api/data/${value.id}?ticket=${ticket}`)).status).toBe(200)
    for (const other of [path, '/api/data', `/api/data/${value.id}/content`, '/api/keys', '/metrics'])
      expect(await refusalOf(await ask(`${other}?ticket=${ticket}`)), other).toEqual(unauthorized)
    for (const method of ['DELETE', 'PATCH'])
      expect(await refusalOf(await ask(`/api/data/${value.id}?ticket=${ticket}`, { method }))).toEqual(
        unauthorized,
      )
    expect((await api.client.data(value.id)).status).toBe('available')
  })

  test('is no key, and a key is no ticket', async () => {
    const ticket = await ticketFor(path)
    expect(await refusalOf(await api.request(path, { key: ticket }))).toEqual(unauthorized)
    const { secret } = await api.client.createKey({ name: 'a', scopes: ['read'] })
    for (const wrong of [
      secret,
      '',
      'x',
      '%E0%A4%A',
      '%00',
      `${ticket}x`,
      ticket.slice(0, -1),
      `mlt_${ticket.slice(4, 30)}_`,
    ])
      expect(await refusalOf(await ask(`${path}?ticket=${wrong}`)), String(wrong)).toEqual(unauthorized)
    const both = await api.request(`${path}?ticket=${ticket}`, { key: 'mlr_wrong' })
    expect(await refusalOf(both)).toEqual(unauthorized)
  })

  test('is in nothing that the API answers', async () => {
    const ticket = await ticketFor(path)
    for (const target of ['/api/data', '/api/nothing', `${path}/more`, '/api/tasks?limit=x']) {
      const joint = target.includes('?') ? '&' : '?'
      const response = await ask(`${target}${joint}ticket=${ticket}`)
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(JSON.stringify([...response.headers]) + (await response.text()), target).not.toContain(ticket)
    }
  })

  test('of a spelling that browsers write otherwise is good for theirs', async () => {
    const ticket = await ticketFor('/api/data?label=ä b')
    expect((await ask(`/api/data?label=%C3%A4%20b&ticket=${ticket}`)).status).toBe(200)
  })
})

describe('a ticket is over', () => {
  test('after 60 s, and the tick removes it', async () => {
    const ticket = await ticketFor(path)
    clock.forward(59)
    expect((await ask(`${path}?ticket=${ticket}`)).status).toBe(302)
    clock.forward(2)
    expect(await refusalOf(await ask(`${path}?ticket=${ticket}`))).toEqual(unauthorized)
    clock.forward(60)
    expect((await api.request('/api/tick', { method: 'POST' })).status).toBe(204)
    expect(await api.deps.store.tickets.find({}, { limit: 10 })).toEqual([])
  })

  test('but what is streaming by then goes on', async () => {
    const agent = await scriptedAgent(api)
    await agent.has([echo])
    const task = await api.client.createTask({ module: 'echo' })
    await agent.claim([echo])
    const logs = `/api/runs/${task.id}.1/logs?follow=1`
    const target = `${logs}&ticket=${await ticketFor(logs)}`
    const stream = await ask(target)
    expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/)
    clock.forward(61)
    expect(await refusalOf(await ask(target))).toEqual(unauthorized)
    const line = { n: 1, at: '2026-11-21T00:00:00.000Z', stream: 'stdout', line: 'still heard' }
    await agent.call(`runs/${task.id}.1/logs`, { sessionId: agent.sessionId, lines: [line] })
    await agent.finish(`${task.id}.1`, { outcome: 'succeeded', result: { said: { value: 'x' } } })
    expect(await stream.text()).toContain('still heard')
  })

  test('at once with the key that made it', async () => {
    const { key, secret } = await api.client.createKey({ name: 'short', scopes: ['read'] })
    const ticket = await ticketFor(path, secret)
    expect((await ask(`${path}?ticket=${ticket}`)).status).toBe(302)
    await api.request(`/api/keys/${key.id}`, { method: 'DELETE' })
    expect(await refusalOf(await ask(`${path}?ticket=${ticket}`))).toEqual(unauthorized)
  })

  test('at once with the grant that made it', async () => {
    const { grant, token } = await (
      await api.post('/api/grants', {
        maxUploads: 1,
        maxUploadBytes: 100,
        maxTasks: 0,
        modules: [],
        expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      })
    ).json()
    const made = await api.post('/api/data', { label: 'own', value: 'own' }, { key: token })
    const own = `/api/data/${(await made.json()).data.id}/content`
    const ticket = await ticketFor(own, token)
    expect(await (await ask(`${own}?ticket=${ticket}`)).text()).toBe('own')
    const foreign = await ticketFor(path, token)
    expect(await refusalOf(await ask(`${path}?ticket=${foreign}`))).toEqual({
      status: 404,
      code: 'not_found',
    })
    expect(await refusalOf(await api.post('/api/tickets', { path: '/api/summary' }, { key: token }))).toEqual(
      {
        status: 422,
        code: 'invalid_request',
        paths: ['/path'],
      },
    )
    await api.request(`/api/grants/${grant.id}`, { method: 'DELETE' })
    expect(await refusalOf(await ask(`${own}?ticket=${ticket}`))).toEqual(unauthorized)
  })
})

describe('POST /api/tickets', () => {
  test('takes every path that can be read, and no other', async () => {
    const { secret } = await api.client.createKey({ name: 'reads', scopes: ['read'] })
    for (const good of [
      '/api/data',
      '/api/tasks/x?wait=1',
      '/api/runs/x/logs?follow=1',
      '/api/modules/a/install-log',
    ])
      await ticketFor(good, secret)
    for (const bad of [
      '/api/keys',
      '/api/data/dat_x/parts',
      '/api/tickets',
      '/api/nothing',
      '/api/data/',
      '/api/../metrics',
      '/metrics',
      '/agent/v1/claim',
      'api/data',
      '//evil.example/api/data',
      'https://evil.example/api/data',
      '/api/data#top',
      '/api/data?ticket=x',
      '/api/data?a=1&%74icket=x',
      '',
      7,
    ])
      expect(
        await refusalOf(await api.post('/api/tickets', { path: bad }, { key: secret })),
        String(bad),
      ).toEqual({
        status: 422,
        code: 'invalid_request',
        paths: ['/path'],
      })
  })

  test('again with the same Idempotency-Key returns the expiry, and not the ticket', async () => {
    const send = () =>
      api.post(
        '/api/tickets',
        { path },
        { headers: { 'idempotency-key': 'once', 'content-type': 'application/json' } },
      )
    const first = await (await send()).json()
    const again = await send()
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await again.json()).toEqual({ ticket: null, expiresAt: first.expiresAt })
    expect(first.ticket).toMatch(/^mlt_[0-9A-Z]{26}_[\w-]{43}$/)
  })

  test('keeps nothing but a hash', async () => {
    const ticket = await ticketFor(path)
    const kept = await api.deps.store.tickets.get(`tkt_${ticket.slice(4, 30)}`)
    expect(kept?.path).toBe(path)
    expect(JSON.stringify(kept)).not.toContain(ticket.slice(31))
    expect(JSON.stringify(kept)).toContain(createHash('sha256').update(ticket).digest('hex'))
  })
})

import { randomBytes } from 'node:crypto'
import {
  CreateKey,
  KeyCreated,
  KeyId,
  KeyPage,
  PageQuery,
  Settings,
  SettingsPatch,
  Summary,
} from '@millrace/shared'
import type { ApiPorts } from '../api-ports.ts'
import { notFound } from '../failure.ts'
import { hashSecret, secretPrefix } from '../http/authenticate.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
import { changeSettings, readSettings } from '../operations/settings.ts'
import { summary } from '../operations/summary.ts'
import type { Ports } from '../ports.ts'
import { presentKey } from '../present/key.ts'
import type { KeyDoc } from '../store/documents/access.ts'
import { untilForgotten } from '../store/remember.ts'
import { tick } from '../tick/tick.ts'

/** What the people who run an installation look at and turn. */
export const operatorEndpoints = (ports: ApiPorts): Endpoint[] => [...keys(ports), ...settings(ports)]

const keys = (ports: Ports): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/keys',
    scope: 'admin',
    audit: 'key.create',
    tag: 'Keys',
    summary: 'Make a key; its secret is shown this once',
    body: CreateKey,
    auditDetail: ({ name, scopes, expiresAt, rateLimit, modules, trusted }) => ({
      name,
      scopes,
      expiresAt,
      rateLimit,
      modules,
      trusted,
    }),
    answers: { 201: { description: 'Created', schema: KeyCreated } },
    idempotent: true,
    async handle(c, { body }) {
      const id = c.var.ids.key()
      const secret = `${secretPrefix.key}${id.slice('key_'.length)}_${randomBytes(32).toString('base64url')}`
      const key: KeyDoc = {
        _id: id,
        rev: 1,
        name: body.name,
        scopes: body.scopes,
        secretHash: hashSecret(secret),
        rateLimit: body.rateLimit ?? null,
        modules: body.modules ?? ['*'],
        trusted: body.trusted ?? true,
        createdAt: ports.clock.now(),
        expiresAt: body.expiresAt ? new Date(body.expiresAt) : null,
      }
      if (!c.var.replayed && (await ports.store.keys.insert(key)))
        return c.json({ key: presentKey(key), secret }, 201)
      // Made by an earlier try: its secret was shown then, and is not kept.
      return c.json({ key: presentKey((await ports.store.keys.get(id)) ?? key), secret: null }, 201)
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/keys',
    scope: 'admin',
    tag: 'Keys',
    summary: 'List keys, newest first',
    query: PageQuery,
    answers: { 200: { description: 'A page', schema: KeyPage } },
    async handle(c, { query }) {
      const docs = await ports.store.keys.find(behind(query.cursor, 'key_'), {
        sort: { _id: -1 },
        limit: query.limit + 1,
      })
      return c.json(pageFrom(docs, query.limit, presentKey))
    },
  }),
  endpoint({
    method: 'delete',
    path: '/api/keys/:id',
    scope: 'admin',
    audit: 'key.delete',
    tag: 'Keys',
    summary: 'Revoke a key, at once',
    answers: { 204: { description: 'Gone' } },
    async handle(c) {
      const id = pathId(c, KeyId, 'key')
      if (!(await ports.store.keys.get(id))) throw notFound('key')
      await ports.store.keys.remove(id)
      await untilForgotten()
      return c.body(null, 204)
    },
  }),
]

const settings = (ports: ApiPorts): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/settings',
    scope: 'read',
    tag: 'Settings',
    summary: 'Read the settings',
    answers: { 200: { description: 'The settings', schema: Settings } },
    async handle(c) {
      return c.json(await readSettings(ports))
    },
  }),
  endpoint({
    method: 'patch',
    path: '/api/settings',
    scope: 'admin',
    audit: 'settings.change',
    tag: 'Settings',
    summary: 'Change settings; in force at once',
    body: SettingsPatch,
    auditDetail: (patch) => patch,
    answers: { 200: { description: 'The settings', schema: Settings } },
    async handle(c, { body }) {
      return c.json(await changeSettings(ports, body))
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/summary',
    scope: 'read',
    tag: 'Summary',
    summary: 'Counts for a dashboard, at most 5 s old',
    answers: { 200: { description: 'Counts', schema: Summary } },
    async handle(c) {
      return c.json(await summary(ports))
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/tick',
    scope: 'admin',
    tag: 'Settings',
    summary: 'Carry on what was left and do what is due; for runtimes without a timer of their own',
    answers: { 204: { description: 'Done' } },
    async handle(c) {
      await tick(ports)
      return c.body(null, 204)
    },
  }),
]

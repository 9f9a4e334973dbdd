import { randomBytes } from 'node:crypto'
import { contract } from '@millrace/shared'
import type { ApiPorts } from '../api-ports.ts'
import { notFound } from '../failure.ts'
import { hashSecret, secretPrefix } from '../http/authenticate.ts'
import { behind, pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { changeSettings, readSettings } from '../operations/settings.ts'
import { summary } from '../operations/summary.ts'
import type { Ports } from '../ports.ts'
import { presentKey } from '../present/key.ts'
import type { KeyDoc } from '../store/documents/access.ts'
import { untilForgotten } from '../store/remember.ts'
import { tick } from '../tick/tick.ts'

/** The calls for operators of an installation. */
export const operatorEndpoints = (ports: ApiPorts): Endpoint[] => [...keys(ports), ...settings(ports)]

const keys = (ports: Ports): Endpoint[] => [
  endpoint(
    contract.createKey,
    async (c, { body }) => {
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
      // An earlier attempt created it and showed its secret; the API does not keep it.
      return c.json({ key: presentKey((await ports.store.keys.get(id)) ?? key), secret: null }, 201)
    },
    {
      auditDetail: ({ name, scopes, expiresAt, rateLimit, modules, trusted }) => ({
        name,
        scopes,
        expiresAt,
        rateLimit,
        modules,
        trusted,
      }),
    },
  ),
  endpoint(contract.listKeys, async (c, { query }) => {
    const docs = await ports.store.keys.find(behind(query.cursor, 'key_'), {
      sort: { _id: -1 },
      limit: query.limit + 1,
    })
    return c.json(pageFrom(docs, query.limit, presentKey))
  }),
  endpoint(contract.deleteKey, async (c, { params }) => {
    const id = params.id
    if (!(await ports.store.keys.get(id))) throw notFound('key')
    await ports.store.keys.remove(id)
    await untilForgotten()
    return c.body(null, 204)
  }),
]

const settings = (ports: ApiPorts): Endpoint[] => [
  endpoint(contract.getSettings, async (c) => {
    return c.json(await readSettings(ports))
  }),
  endpoint(
    contract.updateSettings,
    async (c, { body }) => {
      return c.json(await changeSettings(ports, body))
    },
    { auditDetail: (patch) => patch },
  ),
  endpoint(contract.getSummary, async (c) => {
    return c.json(await summary(ports))
  }),
  endpoint(contract.runTick, async (c) => {
    await tick(ports)
    return c.body(null, 204)
  }),
]

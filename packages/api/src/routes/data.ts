import { type ContentQuery, contract, type DataId } from '@millrace/shared'
import { Failure } from '../failure.ts'
import { callerOf } from '../http/caller.ts'
import { pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Ctx } from '../http/env.ts'
import { dataFilter } from '../http/filters/data.ts'
import { requireVisible, visibleFilter } from '../http/visibility.ts'
import { completeUpload } from '../operations/data/complete-upload.ts'
import { createFile, createValue, freshUpload } from '../operations/data/create-data.ts'
import { partUrls, uploadedParts } from '../operations/data/multipart-upload.ts'
import type { SettlePorts } from '../operations/settle/ports.ts'
import type { Ports } from '../ports.ts'
import { presentData } from '../present/data.ts'
import type { DataDoc } from '../store/documents/data.ts'
import { contentDisposition, servedType } from './content-headers.ts'

export const dataEndpoints = (ports: SettlePorts): Endpoint[] => [
  endpoint(contract.createData, async (c, { body }) => {
    const { item, upload } =
      'file' in body
        ? await createFile(ports, callerOf(c), body)
        : await createValue(ports, callerOf(c), body)
    return c.json({ data: presentData(item), upload }, 201)
  }),
  endpoint(contract.completeUpload, async (c, { params }) => {
    return c.json({ data: presentData(await completeUpload(ports, await visibleId(ports, c, params.id))) })
  }),
  endpoint(contract.renewUpload, async (c, { params }) => {
    const { item, upload } = await freshUpload(
      ports,
      c.var.principal.grant,
      await visibleId(ports, c, params.id),
    )
    return c.json({ data: presentData(item), upload })
  }),
  endpoint(contract.listParts, async (c, { params }) => {
    return c.json(await uploadedParts(ports, await visibleId(ports, c, params.id)))
  }),
  endpoint(contract.createPartUrls, async (c, { params, body }) => {
    return c.json(await partUrls(ports, await visibleId(ports, c, params.id), body))
  }),
  endpoint(contract.listData, async (c, { query }) => {
    const docs = await ports.store.data.find(
      { ...dataFilter(query), ...visibleFilter(c, query.grant) },
      {
        sort: { _id: -1 },
        limit: query.limit + 1,
      },
    )
    return c.json(pageFrom(docs, query.limit, (item) => presentData(item, { list: true })))
  }),
  endpoint(contract.getData, async (c, { params }) => {
    return c.json({ data: presentData(await readItem(ports, c, params.id)) })
  }),
  endpoint(contract.getContent, async (c, { params, query }) => {
    const item = await readItem(ports, c, params.id)
    if (item.status !== 'available') {
      throw new Failure(
        'data_not_available',
        `The item is ${item.status}${item.error ? `: ${item.error.message}` : ''}.`,
        { status: 409 },
      )
    }
    return item.isFile ? serveFile(ports, c, item, query) : serveValue(c, item, query.redirect)
  }),
]

async function readItem(ports: Ports, c: Ctx, id: DataId): Promise<DataDoc> {
  return requireVisible(c, await ports.store.data.get(id), 'data item')
}

/** The operations read the item themselves; only callers with limited visibility need this earlier check. */
async function visibleId(ports: Ports, c: Ctx, id: DataId): Promise<DataId> {
  return c.var.principal.grant ? (await readItem(ports, c, id))._id : id
}

function serveValue(c: Ctx, item: DataDoc, redirect: string): Response {
  if (redirect === '0')
    throw new Failure('inline_value', 'The item is an inline value; GET …/content answers with it.')
  const value: unknown = item.items ? item.items.map((data) => ({ data })) : JSON.parse(item.json ?? 'null')
  const asText = item.type === 'text' && typeof value === 'string'
  c.header('Content-Type', asText ? 'text/plain; charset=utf-8' : 'application/json')
  const body = asText ? value : JSON.stringify(value)
  c.header('Content-Length', String(Buffer.byteLength(body))) // for HEAD, which omits the body
  return c.body(body)
}

async function serveFile(ports: Ports, c: Ctx, item: DataDoc, query: ContentQuery): Promise<Response> {
  const { contentType, disposition } = servedType(item.contentType, query.disposition)
  if (c.req.method === 'HEAD') {
    c.header('Content-Type', contentType)
    c.header('Content-Length', String(item.size ?? 0))
    return c.body(null)
  }
  const { url, expiresAt } = await ports.objects.presignGet(item.object ?? '', {
    contentType,
    disposition: contentDisposition(disposition, item.fileName ?? item.label ?? item._id),
  })
  c.header('Cache-Control', 'no-store')
  return query.redirect === '0' ? c.json({ url, expiresAt: expiresAt.toISOString() }) : c.redirect(url, 302)
}

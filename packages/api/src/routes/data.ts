import {
  ContentQuery,
  ContentUrl,
  CreateData,
  DataAnswer,
  DataId,
  DataPage,
  DataQuery,
  PartsRequest,
  PartUrls,
  UploadAnswer,
  UploadedParts,
} from '@millrace/shared'
import { z } from 'zod'
import { Failure } from '../failure.ts'
import { callerOf } from '../http/caller.ts'
import { pageFrom } from '../http/cursor.ts'
import { type Endpoint, endpoint, pathId } from '../http/endpoint.ts'
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
  endpoint({
    method: 'post',
    path: '/api/data',
    scope: 'write',
    openToGrants: true,
    tag: 'Data',
    summary: 'Keep a value, or begin to upload a file',
    body: CreateData,
    bodyLimit: 'value',
    answers: { 201: { description: 'Created', schema: UploadAnswer } },
    idempotent: true,
    async handle(c, { body }) {
      const { item, upload } =
        'file' in body
          ? await createFile(ports, callerOf(c), body)
          : await createValue(ports, callerOf(c), body)
      return c.json({ data: presentData(item), upload }, 201)
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/data/:id/complete',
    scope: 'write',
    openToGrants: true,
    tag: 'Data',
    summary: 'The bytes are there: verify them and make the item available',
    answers: { 200: { description: 'Available', schema: DataAnswer } },
    idempotent: true,
    async handle(c) {
      return c.json({ data: presentData(await completeUpload(ports, await visibleId(ports, c))) })
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/data/:id/upload',
    scope: 'write',
    openToGrants: true,
    tag: 'Data',
    summary: 'A fresh upload URL',
    answers: { 200: { description: 'The URL', schema: UploadAnswer } },
    idempotent: true,
    async handle(c) {
      const { item, upload } = await freshUpload(ports, c.var.principal.grant, await visibleId(ports, c))
      return c.json({ data: presentData(item), upload })
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/data/:id/parts',
    scope: 'write',
    openToGrants: true,
    tag: 'Data',
    summary: 'Which parts of a large file have arrived',
    answers: { 200: { description: 'The parts', schema: UploadedParts } },
    async handle(c) {
      return c.json(await uploadedParts(ports, await visibleId(ports, c)))
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/data/:id/parts',
    scope: 'write',
    openToGrants: true,
    tag: 'Data',
    summary: 'URLs for parts of a large file',
    body: PartsRequest,
    bodyLimit: 'value',
    answers: { 200: { description: 'The URLs', schema: PartUrls } },
    async handle(c, { body }) {
      return c.json(await partUrls(ports, await visibleId(ports, c), body))
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/data',
    scope: 'read',
    openToGrants: true,
    tag: 'Data',
    summary: 'List data items, newest first',
    query: DataQuery,
    answers: { 200: { description: 'A page', schema: DataPage } },
    async handle(c, { query }) {
      const docs = await ports.store.data.find(
        { ...dataFilter(query), ...visibleFilter(c, query.grant) },
        {
          sort: { _id: -1 },
          limit: query.limit + 1,
        },
      )
      return c.json(pageFrom(docs, query.limit, (item) => presentData(item, { list: true })))
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/data/:id',
    scope: 'read',
    openToGrants: true,
    tag: 'Data',
    summary: 'Read a data item',
    answers: { 200: { description: 'The item', schema: DataAnswer } },
    async handle(c) {
      return c.json({ data: presentData(await readItem(ports, c)) })
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/data/:id/content',
    scope: 'read',
    openToGrants: true,
    tag: 'Data',
    summary: 'The content: an inline value, or a redirect to the object store',
    query: ContentQuery,
    answers: {
      200: {
        description: 'The inline value; with ?redirect=0 where the file is',
        schema: z.union([ContentUrl, z.json()]),
      },
      302: { description: 'To the file, in the object store' },
    },
    async handle(c, { query }) {
      const item = await readItem(ports, c)
      if (item.status !== 'available') {
        throw new Failure(
          'data_not_available',
          `The item is ${item.status}${item.error ? `: ${item.error.message}` : ''}.`,
          { status: 409 },
        )
      }
      return item.isFile ? serveFile(ports, c, item, query) : serveValue(c, item, query.redirect)
    },
  }),
]

async function readItem(ports: Ports, c: Ctx): Promise<DataDoc> {
  return requireVisible(c, await ports.store.data.get(pathId(c, DataId, 'data item')), 'data item')
}

/** The operations read the item themselves; only who does not see everything needs the look before. */
async function visibleId(ports: Ports, c: Ctx): Promise<DataId> {
  return c.var.principal.grant ? (await readItem(ports, c))._id : pathId(c, DataId, 'data item')
}

function serveValue(c: Ctx, item: DataDoc, redirect: string): Response {
  if (redirect === '0')
    throw new Failure('inline_value', 'The item is an inline value; GET …/content answers with it.')
  const value: unknown = item.items ? item.items.map((data) => ({ data })) : JSON.parse(item.json ?? 'null')
  const asText = item.type === 'text' && typeof value === 'string'
  c.header('Content-Type', asText ? 'text/plain; charset=utf-8' : 'application/json')
  const body = asText ? value : JSON.stringify(value)
  c.header('Content-Length', String(Buffer.byteLength(body))) // for HEAD, which leaves the body out
  return c.body(body)
}

async function serveFile(
  ports: Ports,
  c: Ctx,
  item: DataDoc,
  query: z.output<typeof ContentQuery>,
): Promise<Response> {
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

import { z } from 'zod'
import { DataItem, DataStatus, DataType } from '../data.ts'
import { DataId, GrantId, TaskId } from '../ids.ts'
import { Json } from '../json.ts'
import { Task } from '../task.ts'
import type { Calls } from './call.ts'
import { Label, PageQuery, pageOf, Tags } from './lists.ts'

export const DataAnswer = z.object({ data: DataItem })
export const DataQuery = PageQuery.extend({
  status: DataStatus.optional(),
  type: DataType.optional(),
  label: Label.optional().describe('prefix'),
  tag: z.string().optional(),
  producer: TaskId.optional(),
  grant: GrantId.optional(),
})
export type DataQuery = z.infer<typeof DataQuery>
export const DataPage = pageOf(DataItem)

export const ContentQuery = z.object({
  redirect: z.enum(['0', '1']).default('1'),
  disposition: z.enum(['inline', 'attachment']).default('attachment'),
})
export type ContentQuery = z.output<typeof ContentQuery>
export const ContentUrl = z.object({ url: z.string(), expiresAt: z.iso.datetime() })
export type ContentUrl = z.infer<typeof ContentUrl>

/** `expiresAt: null` removes the expiry; omitted fields stay as they are. */
export const EditData = z.strictObject({
  label: Label.optional(),
  tags: Tags.optional(),
  expiresAt: z.iso.datetime().nullish(),
})
export type EditData = z.output<typeof EditData>

export const LineageAnswer = z.object({
  data: DataItem,
  producedBy: Task.nullable(),
  inputs: z.array(DataItem).describe('the inputs of that task'),
  usedBy: z.array(Task).describe('the tasks that read this item, newest first, at most 200'),
})
export type LineageAnswer = z.infer<typeof LineageAnswer>

/** Read and change data items. */
export const dataCalls = {
  listData: {
    method: 'GET',
    path: '/api/data',
    tag: 'Data',
    summary: 'List data items, newest first',
    scope: 'read',
    query: DataQuery,
    openToGrants: true,
    answers: { 200: { description: 'A page', json: DataPage } },
  },
  getData: {
    method: 'GET',
    path: '/api/data/{id}',
    tag: 'Data',
    summary: 'Read a data item',
    scope: 'read',
    params: { id: DataId },
    subject: 'data item',
    openToGrants: true,
    answers: { 200: { description: 'The item', json: DataAnswer } },
  },
  getContent: {
    method: 'GET',
    path: '/api/data/{id}/content',
    tag: 'Data',
    summary: 'The content: an inline value, or a redirect to the object store',
    scope: 'read',
    params: { id: DataId },
    subject: 'data item',
    query: ContentQuery,
    openToGrants: true,
    answers: {
      200: {
        description: 'The inline value; with ?redirect=0 the URL of the file',
        json: z.union([ContentUrl, Json]),
      },
      302: { description: 'To the file, in the object store' },
    },
  },
  updateData: {
    method: 'PATCH',
    path: '/api/data/{id}',
    tag: 'Data',
    summary: 'Change label, tags or expiry',
    scope: 'write',
    params: { id: DataId },
    subject: 'data item',
    body: EditData,
    audit: 'data.change',
    answers: { 200: { description: 'The item', json: DataAnswer } },
  },
  deleteData: {
    method: 'DELETE',
    path: '/api/data/{id}',
    tag: 'Data',
    summary: 'Remove an item and its content',
    scope: 'write',
    params: { id: DataId },
    subject: 'data item',
    audit: 'data.delete',
    answers: { 204: { description: 'Gone' } },
  },
  getLineage: {
    method: 'GET',
    path: '/api/data/{id}/lineage',
    tag: 'Data',
    summary: 'The task that produced an item, what that task read, and the tasks that read the item',
    scope: 'read',
    params: { id: DataId },
    subject: 'data item',
    answers: { 200: { description: 'One step each way', json: LineageAnswer } },
  },
} as const satisfies Calls

import type { Api, BodyAt, QueryAt } from '../api.ts'
import type { ContentUrl, DataId, DataItem, Json, LineageAnswer } from '../contract.gen.ts'
import type { Page } from '../page.ts'
import { type UploadFileOptions, uploadFile } from '../upload-file.ts'

export type FileToUpload = {
  name: string
  contentType: string
  bytes: Uint8Array<ArrayBuffer>
  label?: string
  /** Lets the store check SHA-256 sums. */
  checksums?: boolean
  tags?: string[]
}

export function dataCalls({ base, key, doFetch, call, open }: Api) {
  /** Where the file of an item can be read for the next hour, without a key. */
  async function contentUrl(id: DataId): Promise<ContentUrl> {
    const query = { redirect: '0' }
    return (await open('GET /api/data/{id}/content', { params: { id }, query })).json()
  }

  return {
    /** Keeps a value of at most 1 MiB of JSON. */
    createValue: async (value: { label: string; value: Json; tags?: string[] }): Promise<DataItem> =>
      (await call('POST /api/data', { body: value })).data,
    /** Uploads bytes straight to the object store and waits until they are verified. */
    upload: ({ bytes, ...file }: FileToUpload): Promise<DataItem> =>
      uploadFile(new Blob([bytes]), { ...file, url: base, key, fetch: doFetch }),
    /** The same of any size, from a `File` or `Blob`, with progress and resumption. */
    uploadFile: (file: Blob, more: Omit<UploadFileOptions, 'url' | 'key'> = {}): Promise<DataItem> =>
      uploadFile(file, { fetch: doFetch, ...more, url: base, key }),
    data: async (id: DataId): Promise<DataItem> =>
      (await call('GET /api/data/{id}', { params: { id } })).data,
    updateData: async (id: DataId, changes: BodyAt<'PATCH /api/data/{id}'>): Promise<DataItem> =>
      (await call('PATCH /api/data/{id}', { params: { id }, body: changes })).data,
    /** Removes an item and its content; `data_in_use` while an unfinished task needs it. */
    deleteData: async (id: DataId): Promise<void> => {
      await call('DELETE /api/data/{id}', { params: { id } })
    },
    /** The task that produced an item, what that task read, and the tasks that read the item. */
    lineage: (id: DataId): Promise<LineageAnswer> => call('GET /api/data/{id}/lineage', { params: { id } }),
    listData: (query: QueryAt<'GET /api/data'> = {}): Promise<Page<DataItem>> =>
      call('GET /api/data', { query }),
    contentUrl,
    async download(id: DataId): Promise<Uint8Array> {
      const { url } = await contentUrl(id)
      const response = await doFetch(url)
      if (!response.ok) throw new Error(`the object store answered ${response.status}`)
      return new Uint8Array(await response.arrayBuffer())
    },
  }
}

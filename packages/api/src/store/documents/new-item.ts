import type { DataDoc } from './data.ts'

type Given = Pick<DataDoc, '_id' | 'apiKey' | 'label' | 'type' | 'status' | 'tags' | 'createdAt'>

/** A data item with the given fields and defaults for the rest. */
export const newItem = (given: Given & Partial<DataDoc>): DataDoc => ({
  rev: 1,
  grant: null,
  isFile: false,
  json: null,
  object: null,
  contentType: null,
  size: null,
  sha256: null,
  fileName: null,
  items: null,
  error: null,
  producer: null,
  round: 1,
  multipart: null,
  uploads: 0,
  settle: null,
  updatedAt: given.createdAt,
  expiresAt: null,
  ...given,
})

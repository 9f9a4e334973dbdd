import { createServer, type IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { ObjectsConfig } from './objects.ts'

/** What a store may do wrong, or differently from S3 without harm. */
export type Habit =
  | 'accepts unsigned trailers'
  | 'unpacks unsigned archives'
  | 'accepts unsigned parts'
  | 'accepts made-up signatures'
  | 'reads for everyone'
  | 'lists for everyone'
  | 'removes for everyone'
  | 'writes what it rejects'
  | 'cuts connections'
  | 'keeps bodies that end early'
  | 'copies unsigned sources'
  | 'obeys unsigned permissions'
  | 'obeys unsigned redirects'
  | 'keeps unsigned tags'
  | 'takes tags for types'
  | 'obeys replication headers'
  | 'ignores unsigned headers'
  | 'rejects uploads'

type Stored = { bytes: Buffer; type: string; at: Date; mark: 'public' | 'moved' | 'sealed' | null }
type Asked = {
  method: string
  key: string
  query: URLSearchParams
  header(name: string): string
  body: Buffer
}
type Answer = { status: number; body?: string | Buffer; headers?: Record<string, string> }

/** An object store in memory with one habit. It verifies no signatures, but knows those that are made up. */
class LaxStore {
  readonly objects = new Map<string, Stored>()
  readonly parts = new Map<string, number[]>()
  readonly #habit: Habit | null

  constructor(habit: Habit | null) {
    this.#habit = habit
  }

  answer(asked: Asked): Answer | 'cut' {
    if (this.#allows(asked)) return asked.key ? this.#onObject(asked) : this.#onBucket(asked)
    if (asked.method !== 'PUT') return { status: 403 }
    if (this.#does('writes what it rejects')) this.#write(asked)
    return this.#does('cuts connections') ? 'cut' : { status: 403 }
  }

  #does(...habits: Habit[]): boolean {
    return this.#habit !== null && habits.includes(this.#habit)
  }

  #allows(asked: Asked): boolean {
    const { method, query, header } = asked
    const signature = query.get('X-Amz-Signature') ?? /Signature=(\w+)/.exec(header('authorization'))?.[1]
    const isMadeUp = signature === undefined || /^f{64}$/.test(signature)
    if (isMadeUp && header('x-amz-meta-snowball-auto-extract')) return this.#does('unpacks unsigned archives')
    if (isMadeUp && header('x-amz-content-sha256').startsWith('STREAMING-UNSIGNED'))
      if (this.#does(query.has('partNumber') ? 'accepts unsigned parts' : 'accepts unsigned trailers'))
        return true
    if (signature === undefined) return this.#allowsEveryone(asked)
    if (isMadeUp) return this.#does('accepts made-up signatures')
    if (method !== 'PUT' || !query.has('X-Amz-Signature')) return true
    return !this.#does('rejects uploads') && this.#allowsHeaders(asked)
  }

  #allowsEveryone({ method, key }: Asked): boolean {
    if (method === 'DELETE') return this.#does('removes for everyone')
    if (method !== 'GET') return false
    if (!key) return this.#does('lists for everyone')
    return this.#does('reads for everyone') || this.objects.get(key)?.mark === 'public'
  }

  /** S3 rejects every unsigned `x-amz-…`; a habit lets one pass. */
  #allowsHeaders({ query, header }: Asked): boolean {
    const signed = (query.get('X-Amz-SignedHeaders') ?? '').split(';')
    return Object.entries(passedBy)
      .filter(([name]) => header(name) !== '' && !signed.includes(name))
      .every(([, habits]) => this.#does('ignores unsigned headers', ...habits))
  }

  #onBucket({ method, query }: Asked): Answer {
    if (method === 'HEAD') return { status: 200 }
    const listed = [...this.objects].filter(([key]) => key.startsWith(query.get('prefix') ?? ''))
    const entry = ([key, { at }]: [string, Stored]) =>
      `<Contents><Key>${key}</Key><LastModified>${at.toISOString()}</LastModified></Contents>`
    return { status: 200, body: xml(listed.map(entry).join('')) }
  }

  #onObject(asked: Asked): Answer {
    const { method, key, query } = asked
    if (query.has('uploads')) return { status: 200, body: xml('<UploadId>one</UploadId>') }
    if (query.has('uploadId')) return this.#onUpload(method, key, Number(query.get('partNumber')))
    if (method === 'PUT') return this.#write(asked)
    const found = this.objects.get(key)
    if (method === 'DELETE') this.objects.delete(key)
    if (method === 'DELETE') return { status: 204 }
    if (!found) return { status: 404, body: xml('<Code>NoSuchKey</Code>') }
    if (found.mark === 'sealed') return { status: 400, body: xml('<Code>InvalidRequest</Code>') }
    if (found.mark === 'moved' && query.has('X-Amz-Signature'))
      return { status: 301, headers: { location: 'http://127.0.0.1:1/' } }
    const headers = { 'content-type': found.type, 'content-length': String(found.bytes.length) }
    return { status: 200, body: found.bytes, headers }
  }

  #onUpload(method: string, key: string, partNumber: number): Answer {
    const sent = this.parts.get(key) ?? []
    if (method === 'PUT') this.parts.set(key, [...sent, partNumber])
    if (method === 'DELETE') this.parts.delete(key)
    const list = sent.map((number) => `<Part><PartNumber>${number}</PartNumber><Size>5</Size></Part>`)
    return method === 'DELETE' ? { status: 204 } : { status: 200, body: xml(list.join('')) }
  }

  #write({ key, header, body }: Asked): Answer {
    if (header('if-none-match') === '*' && this.objects.has(key)) return { status: 412 }
    const source = this.objects.get(header('x-amz-copy-source').replace(/^[^/]+\//, ''))
    const isCopy = source !== undefined && this.#does('copies unsigned sources')
    const isRetyped = header('x-amz-tagging') !== '' && this.#does('takes tags for types')
    const marks = [
      ['public', header('x-amz-acl') && this.#does('obeys unsigned permissions')],
      ['moved', header('x-amz-website-redirect-location') && this.#does('obeys unsigned redirects')],
      ['sealed', header(sealedKey) && this.#does('obeys replication headers')],
    ] as const
    this.objects.set(key, {
      bytes: isCopy ? source.bytes : body,
      at: new Date(),
      type: isRetyped ? 'text/html' : header('content-type'),
      mark: marks.find(([, applies]) => applies)?.[0] ?? null,
    })
    return { status: 200 }
  }
}

const sealedKey = 'x-minio-replication-server-side-encryption-sealed-key'
const passedBy: Record<string, Habit[]> = {
  'x-amz-copy-source': ['copies unsigned sources'],
  'x-amz-acl': ['obeys unsigned permissions'],
  'x-amz-website-redirect-location': ['obeys unsigned redirects'],
  'x-amz-tagging': ['keeps unsigned tags', 'takes tags for types'],
  'x-amz-meta-forged': ['keeps unsigned tags', 'takes tags for types'],
}
const xml = (inside: string): string => `<?xml version="1.0"?><Answer>${inside}</Answer>`

/** Serves it; `config` is what the API has to know of it. */
export async function serveLaxStore(habit: Habit | null) {
  const store = new LaxStore(habit)
  let requests = 0
  const server = createServer(async (request, response) => {
    requests += 1
    const asked = await read(request, habit === 'keeps bodies that end early')
    const answer = asked ? store.answer(asked) : 'cut'
    if (answer === 'cut') return request.socket.destroy()
    response.writeHead(answer.status, answer.headers)
    response.end(request.method === 'HEAD' ? undefined : answer.body)
    return undefined
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = z.object({ port: z.number() }).parse(server.address())
  const endpoint = `http://127.0.0.1:${port}`
  const config: ObjectsConfig = {
    ...{ endpoint, publicEndpoint: endpoint, bucket: 'b', region: 'us-east-1' },
    ...{ manage: pair('manage'), upload: pair('upload'), download: pair('download') },
  }
  return {
    config,
    store,
    requests: () => requests,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const pair = (name: string) => ({ key: name, secret: `${name}-secret` })

/** `null` when the body ended early, unless such bodies are kept. */
async function read(request: IncomingMessage, keepsAll: boolean): Promise<Asked | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of request) chunks.push(chunk)
  } catch {
    if (!keepsAll) return null
  }
  const url = new URL(request.url ?? '/', 'http://store.test')
  return {
    method: request.method ?? '',
    key: url.pathname.split('/').slice(2).join('/'),
    query: url.searchParams,
    header: (name) => String(request.headers[name] ?? ''),
    body: Buffer.concat(chunks),
  }
}

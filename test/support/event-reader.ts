import { z } from 'zod'
import type { TestApi } from './api-in-process.ts'

export type Told = { event: string; id: string | undefined; data: Record<string, unknown> }

const patienceMs = 30_000

/** Reads a stream of server-sent events one by one, as a browser would; comments are counted. */
export async function openEvents(
  api: Pick<TestApi, 'request'>,
  path: string,
  { lastEventId, key }: { lastEventId?: string; key?: string | null } = {},
) {
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const response = await api.request(path, { headers, key })
  const blocks = response.body ? blocksOf(response.body) : null
  const seen = { comments: 0, lastId: lastEventId }

  async function next(): Promise<Told | null> {
    for (;;) {
      const block = await inTime(blocks?.next() ?? Promise.resolve({ done: true as const, value: undefined }))
      if (block.done) return null
      if (block.value.startsWith(':')) seen.comments += 1
      const told = parse(block.value)
      seen.lastId = told.id ?? seen.lastId
      if (told.data !== null) return { ...told, data: told.data }
    }
  }

  async function take(count: number): Promise<Told[]> {
    const told = []
    for (let one = count > 0 ? await next() : null; one; one = told.length < count ? await next() : null)
      told.push(one)
    return told
  }

  return {
    response,
    seen,
    next,
    take,
    /** All that comes until the stream ends. */
    rest: () => take(Number.POSITIVE_INFINITY),
    async close() {
      await blocks?.return(undefined)
    },
  }
}

async function* blocksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    yield* blocks
  }
  return undefined
}

function parse(block: string) {
  const field = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
  const data = field('data')
  return {
    event: field('event') ?? 'message',
    id: field('id'),
    data: data === undefined ? null : z.record(z.string(), z.unknown()).parse(JSON.parse(data)),
  }
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no event within ${patienceMs} ms`)), patienceMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

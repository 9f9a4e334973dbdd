import { openAsBlob } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { asLabel, asName } from './file-name.ts'
import { uploadFile } from './upload-file.ts'

const id = 'dat_01ARZ3NDEKTSV4RRFFQ69G5FAV'
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const say =
  (status: number, body: unknown = ''): Answer =>
  (_, response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
const hangUp: Answer = (request) => request.socket.destroy()

/** An API and a store in one: `answers` are the store's, in turn; the last one repeats. */
async function serve(...answers: Answer[]) {
  const puts: IncomingMessage[] = []
  const calls: string[] = []
  const emptyAnswers = { count: 0 }
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.method === 'PUT') {
        const answer = answers[Math.min(puts.length, answers.length - 1)]
        puts.push(request)
        return answer?.(request, response)
      }
      calls.push(`${request.method} ${request.url}`)
      if (emptyAnswers.count > 0) {
        emptyAnswers.count -= 1
        return say(200)(request, response)
      }
      const headers = { 'content-type': 'text/x' }
      const upload = { kind: 'single', method: 'PUT', url: `${url}/store/${calls.length}`, headers }
      say(200, { data: { id }, upload })(request, response)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  closing.push(() => server.close().closeAllConnections())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://127.0.0.1:${address.port}`
  const send = (more: object = {}, file = new Blob(['hello'])) => uploadFile(file, { url, key: 'k', ...more })
  return { send, puts, calls, emptyAnswers }
}

test('is one PUT with the given headers, between create and complete', async () => {
  const { send, puts, calls } = await serve(say(200))
  const progress: number[] = []
  expect(await send({ onProgress: ({ sent }: { sent: number }) => progress.push(sent) })).toEqual({ id })
  expect(puts).toHaveLength(1)
  expect(puts[0]?.headers).toMatchObject({ 'content-type': 'text/x', 'content-length': '5' })
  expect(calls).toEqual(['POST /api/data', `POST /api/data/${id}/complete`])
  expect(progress).toEqual([5])
})

test('is tried again after a 500 and after a broken connection; 412 then says it had arrived', async () => {
  const { send, puts } = await serve(say(503), hangUp, say(412))
  await send()
  expect(puts).toHaveLength(3)
})

test('asks again after an answer that was cut off before its first byte', async () => {
  const { send, calls, emptyAnswers } = await serve(say(200))
  emptyAnswers.count = 1
  expect(await send()).toEqual({ id })
  expect(calls).toEqual(['POST /api/data', 'POST /api/data', `POST /api/data/${id}/complete`])
})

test('takes a fresh URL after a refusal, and gives up after three with what the store said', async () => {
  const { send, puts, calls } = await serve(say(403, '<Error><Message>wrong length</Message></Error>'))
  await expect(send()).rejects.toThrow('The object store refused the upload: 403 wrong length')
  expect(puts.map(({ url }) => url)).toEqual(['/store/1', '/store/2', '/store/3'])
  expect(calls.slice(1)).toEqual(Array(2).fill(`POST /api/data/${id}/upload`))
})

test('takes a fresh URL when the store hangs up again and again', async () => {
  const { send, puts, calls } = await serve(hangUp, hangUp, say(200))
  await send()
  expect(puts.map(({ url }) => url)).toEqual(['/store/1', '/store/1', '/store/2'])
  expect(calls[1]).toBe(`POST /api/data/${id}/upload`)
})

test('ends with the signal, also while it waits to try again', async () => {
  const stop = new AbortController()
  const { send, puts } = await serve((_, response) => {
    response.writeHead(503).end()
    setImmediate(() => stop.abort(new Error('enough')))
  })
  await expect(send({ signal: stop.signal })).rejects.toThrow('enough')
  expect(puts).toHaveLength(1)
})

test('goes on with an item that was begun before', async () => {
  const { send, calls } = await serve(say(200))
  await send({ resume: id })
  expect(calls[0]).toBe(`POST /api/data/${id}/upload`)
})

test('says at once that a file was changed or removed since it was chosen', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-chosen-'))
  closing.push(() => void rm(folder, { recursive: true }))
  const path = join(folder, 'recording.webm')
  const changes: [string, (file: string) => Promise<void>][] = [
    ['longer', (file) => writeFile(file, 'b'.repeat(2000))],
    ['gone', (file) => rm(file)],
  ]
  for (const [what, change] of changes) {
    await writeFile(path, 'a'.repeat(1000))
    const chosen = await openAsBlob(path)
    await change(path)
    const { send, calls } = await serve(say(200))
    const began = performance.now()
    await expect(send({ checksums: true }, chosen), what).rejects.toThrow('Choose it again')
    await expect(send({}, chosen), what).rejects.toThrow(/has changed, or is gone.*Choose it again/)
    expect(performance.now() - began).toBeLessThan(5000)
    expect(calls).not.toContain(`POST /api/data/${id}/complete`)
  }
})

test('never completes what was changed while it was sent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-chosen-'))
  closing.push(() => void rm(folder, { recursive: true }))
  const path = join(folder, 'recording.webm')
  await writeFile(path, 'a'.repeat(1000))
  const { send, calls } = await serve(async (request, response) => {
    await writeFile(path, 'b'.repeat(999))
    say(200)(request, response)
  })
  await expect(send({}, await openAsBlob(path))).rejects.toThrow('Choose it again')
  expect(calls).toEqual(['POST /api/data'])
})

test('makes a name and a label of any file name', () => {
  expect([asName(''), asName('a.txt'), asLabel('a.txt')]).toEqual(['file', 'a.txt', 'a.txt'])
  for (const letter of ['a', 'é', '日', '💧']) {
    const long = `${letter.repeat(400)}.tar.webm`
    const name = asName(long)
    expect(name.length).toBeLessThanOrEqual(255)
    expect(name).toMatch(/….webm$/)
    expect(asLabel(name).length).toBeLessThanOrEqual(200)
    expect([name.isWellFormed(), asLabel(name).isWellFormed()]).toEqual([true, true])
  }
})

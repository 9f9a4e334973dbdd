import { createServer } from 'node:http'
import { z } from 'zod'
import type { TestApi } from './api-in-process.ts'

/** An API in this process, with the clock that the test gave it, for programs that need an address. */
export async function servedApi(api: Pick<TestApi, 'request'>) {
  const server = createServer(async (request, response) => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const answer = await api.request(request.url ?? '/', {
      method: request.method,
      headers: Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
        typeof value === 'string' ? [[name, value]] : [],
      ),
      body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
      key: null,
      signal: gone.signal,
    })
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    response.end(Buffer.from(await answer.arrayBuffer()))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

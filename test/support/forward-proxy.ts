import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { z } from 'zod'

/** A proxy as networks have them that nothing leaves otherwise. A name that only it knows leads to this machine. */
export async function forwardProxy(name: string) {
  const seen: string[] = []
  const hostOf = (host: string) => (host === name ? '127.0.0.1' : host)
  const server = createServer((from, answer) => {
    const url = new URL(from.url ?? '')
    seen.push(`${from.method} ${url.pathname}`)
    const { hostname, port, pathname, search } = url
    const { method, headers } = from
    const onward = request(
      { host: hostOf(hostname), port, path: pathname + search, method, headers },
      (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers)
        got.pipe(answer)
      },
    )
    onward.on('error', () => answer.writeHead(502).end())
    answer.on('close', () => onward.destroy())
    from.pipe(onward)
  })
  server.on('connect', (from, socket) => {
    seen.push(`CONNECT ${from.url}`)
    const [host = '', port = '443'] = (from.url ?? '').split(':')
    const onward = connect(Number(port), hostOf(host), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const end of [onward, socket]) end.on('error', () => [onward, socket].map((one) => one.destroy()))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    close() {
      server.close().closeAllConnections()
    },
  }
}

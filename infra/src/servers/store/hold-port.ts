import { once } from 'node:events'
import { createServer } from 'node:http'

/** Listens on the store's port during its installation, so that the address is fixed and no other program takes it. */
export async function holdPort(host: string, port: number): Promise<() => Promise<void>> {
  const server = createServer((_, response) => {
    response.writeHead(503, { 'retry-after': '2', connection: 'close' })
    response.end('The object store is being installed.')
  })
  server.listen(port, host)
  await once(server, 'listening')
  return async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  }
}

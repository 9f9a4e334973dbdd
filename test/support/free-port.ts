import { createServer } from 'node:net'
import { z } from 'zod'

/** A port that is free now. Another program may take it before the caller does. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = z.object({ port: z.number() }).parse(server.address())
  await new Promise<void>((done) => server.close(() => done()))
  return port
}

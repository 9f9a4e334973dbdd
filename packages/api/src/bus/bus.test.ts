import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openBus } from './bus.ts'

const quiet = { warn: () => undefined, info: () => undefined }
const greeting = { server_id: 'x', version: '2.15.1', proto: 1, max_payload: 1024, headers: true }

test('a bus closed before its first connection leaves none open', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = z.object({ port: z.number() }).parse(server.address())

  const bus = openBus({ url: `nats://127.0.0.1:${port}` }, quiet)
  const [socket]: [Socket] = await once(server, 'connection').then(([one]) => [one])
  await bus.close()
  // The server sends its first message only now, as NATS does after a connect.
  socket.on('data', (text) => String(text).includes('PING') && socket.write('PONG\r\n'))
  socket.write(`INFO ${JSON.stringify(greeting)}\r\n`)
  await once(socket, 'close')
  expect(socket.destroyed).toBe(true)
  server.close()
})

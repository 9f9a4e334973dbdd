import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Got = { headers: IncomingMessage['headers']; body: string }
const receivers: Server[] = []

/** A receiver of webhooks: answers as the test wants, and keeps what came. */
export async function receiver(
  answer: (response: ServerResponse, nth: number) => void = (response) => response.end(),
) {
  const got: Got[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      got.push({ headers: request.headers, body })
      answer(response, got.length)
    })
  })
  receivers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}/hook`, got }
}

export async function closeReceivers(): Promise<void> {
  for (const server of receivers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends `{ping: 1}` over MongoDB's wire protocol: checks that MongoDB listens there and answers. */
export async function pingMongo(host: string, port: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal })
  try {
    await once(socket, 'connect', { signal })
    socket.write(pingMessage)
    const [answer] = await once(socket, 'data', { signal })
    if (!Buffer.isBuffer(answer) || !answer.includes('ok'))
      throw new Error(`no MongoDB answers on ${host}:${port}`)
  } finally {
    socket.on('error', () => undefined) // the abort may raise a second error
    socket.destroy()
  }
}

/** OP_MSG (opcode 2013) with the document `{ping: 1, $db: "admin"}`. */
const pingMessage = opMsg(
  Buffer.concat([
    Buffer.from('\x10ping\0\x01\0\0\0', 'latin1'),
    Buffer.from('\x02$db\0\x06\0\0\0admin\0', 'latin1'),
  ]),
)

function opMsg(elements: Buffer): Buffer {
  const length = 16 + 4 + 1 + 4 + elements.length + 1
  const message = Buffer.alloc(length)
  message.writeInt32LE(length, 0)
  message.writeInt32LE(1, 4)
  message.writeInt32LE(2013, 12)
  message.writeInt32LE(4 + elements.length + 1, 21)
  elements.copy(message, 25)
  return message
}

import { connect, createServer, type Socket } from 'node:net'
import { z } from 'zod'

/** A connection to a server that a test can cut and restore, without harming the server. It counts what passes. */
export async function cuttable(url: string) {
  const to = new URL(url)
  const sockets = new Set<Socket>()
  let isCut = false
  let cutAt = Number.POSITIVE_INFINITY
  const passed = { sent: 0, received: 0 }
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(Number(to.port), to.hostname)
    near.on('data', (bytes) => {
      passed.sent += bytes.length
      if (passed.sent >= cutAt) cut()
    })
    far.on('data', (bytes) => {
      passed.received += bytes.length
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
    return undefined
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const own = new URL(url)
  own.hostname = '127.0.0.1'
  own.port = String(z.object({ port: z.number() }).parse(server.address()).port)
  return {
    url: own.href,
    /** Bytes so far, to the server and back. */
    passed: passed as Readonly<typeof passed>,
    cut,
    /** Cuts itself after this number of further bytes to the server. */
    cutAfter(bytes: number) {
      cutAt = passed.sent + bytes
    },
    isCut: () => isCut,
    mend() {
      isCut = false
      cutAt = Number.POSITIVE_INFINITY
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

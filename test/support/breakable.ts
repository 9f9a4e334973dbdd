import { connect, createServer, type Socket } from 'node:net'
import { z } from 'zod'

/**
 * How a connection breaks. `reset`: both ends notice at once. `half-open`: nothing passes any more, and neither end
 * notices. `slow`: a few bytes a second, until it is restored.
 */
export const cutKinds = ['reset', 'half-open', 'slow'] as const
export type CutKind = (typeof cutKinds)[number]

/** One connection through a breakable way. */
export type Link = {
  /** Bytes may still pass, fast or slowly. */
  isWhole(): boolean
  cut(kind: CutKind): void
  mend(): void
}
/** Sees bytes before they pass; if it cuts the link, these do not. */
export type Observer = (link: Link, to: 'server' | 'client', bytes: Buffer) => void

const slowly = { bytes: 2, everyMs: 400 }

/**
 * A way to a server that a test can break in the manner it wants, without harm to the server. While the way is cut, new
 * connections fare like the earlier ones.
 */
export async function breakable(url: string, observe: Observer = () => undefined) {
  const to = new URL(url)
  const links = new Set<Link & { close(): void }>()
  let state: CutKind | null = null
  const server = createServer((near) => {
    if (state === 'reset') return near.resetAndDestroy()
    const far = connect(Number(to.port), to.hostname)
    const link = joined(near, far, observe, () => links.delete(link))
    links.add(link)
    if (state) link.cut(state)
    return undefined
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const own = new URL(url)
  own.hostname = '127.0.0.1'
  own.port = String(z.object({ port: z.number() }).parse(server.address()).port)
  return {
    url: own.href.replace(/\/$/, ''),
    cut(kind: CutKind) {
      state = kind
      for (const link of links) link.cut(kind)
    },
    mend() {
      state = null
      for (const link of links) link.mend()
    },
    close() {
      server.close()
      for (const link of links) link.close()
    },
  }
}

function joined(
  near: Socket,
  far: Socket,
  observe: Observer,
  onClosed: () => void,
): Link & { close(): void } {
  let state: 'whole' | CutKind = 'whole'
  const both = [near, far]
  const link = {
    isWhole: () => state === 'whole' || state === 'slow',
    cut(kind: CutKind) {
      // What is dead stays dead.
      if (!link.isWhole()) return
      state = kind
      if (kind === 'reset') for (const socket of both) socket.resetAndDestroy()
      if (kind === 'half-open') for (const socket of both) socket.resume()
    },
    mend() {
      if (state !== 'slow') return
      state = 'whole'
      for (const flow of flows) flow.flush()
    },
    close() {
      for (const socket of both) socket.destroy()
    },
  }
  const flows = [flow(near, far, 'server'), flow(far, near, 'client')]

  function flow(from: Socket, into: Socket, to: 'server' | 'client') {
    let waiting = Buffer.alloc(0)
    let isEnding = false
    const trickle = setInterval(() => state === 'slow' && pass(slowly.bytes), slowly.everyMs)
    const pass = (bytes: number) => {
      const now = waiting.subarray(0, bytes)
      waiting = waiting.subarray(bytes)
      const isTaken = now.length === 0 || into.write(now)
      if (waiting.length > 0 || !isTaken) return
      from.resume()
      if (isEnding) into.end()
    }
    from.on('data', (bytes: Buffer) => {
      if (!link.isWhole()) return
      observe(link, to, bytes)
      if (!link.isWhole()) return
      if (state === 'slow') {
        waiting = Buffer.concat([waiting, bytes])
        from.pause()
      } else if (!into.write(bytes)) from.pause()
    })
    into.on('drain', () => state !== 'slow' && from.resume())
    from.on('end', () => {
      isEnding = true
      if (state === 'whole') into.end()
    })
    from.on('error', () => undefined) // its end follows
    from.on('close', (hadError) => {
      clearInterval(trickle)
      // Over a half-open connection neither end learns that the other has gone.
      if (state !== 'half-open' && (hadError || state === 'reset')) into.destroy()
      else if (state === 'whole' || waiting.length === 0) into.end()
      if (both.every(({ destroyed }) => destroyed)) onClosed()
    })
    return { flush: () => pass(waiting.length) }
  }
  return link
}

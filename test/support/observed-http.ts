import { breakable, type Link } from './breakable.ts'

/** A request as it passes: what it asks, how many bytes of body went either way, and how it was answered. */
export type ObservedRequest = {
  method: string
  path: string
  /** The beginning of its body. */
  body: string
  size: number
  sent: number
  received: number
  answered: number | null
}
/** What is about to pass: the head of a request, more of its body, the head of an answer, more of that. */
export type Moment = 'request' | 'sending' | 'answer' | 'receiving'

/** A breakable connection to an HTTP server, which reports each request before it passes. Connections are used by one request at a time. */
export async function observedHttp(url: string) {
  const requests: ObservedRequest[] = []
  const current = new WeakMap<Link, { head: string; request: ObservedRequest | null }>()
  const observer = {
    onMoment: (_moment: Moment, _request: ObservedRequest, _link: Link) => undefined as unknown,
  }

  const way = await breakable(url, (link, to, bytes) => {
    const state = current.get(link) ?? { head: '', request: null }
    current.set(link, state)
    if (to === 'server') sent(state, link, bytes)
    else received(state, link, bytes)
  })

  function sent(state: { head: string; request: ObservedRequest | null }, link: Link, bytes: Buffer): void {
    const { request } = state
    if (request && request.answered === null) {
      request.sent += bytes.length
      request.body += request.body.length < 4096 ? bytes.toString('latin1') : ''
      observer.onMoment('sending', request, link)
      return
    }
    state.head += bytes.toString('latin1')
    const end = state.head.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = state.head.slice(0, end)
    const body = state.head.slice(end + 4)
    state.head = ''
    const [method = '', path = ''] = head.split(' ')
    const size = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    state.request = { method, path, body, size, sent: body.length, received: 0, answered: null }
    requests.push(state.request)
    observer.onMoment('request', state.request, link)
  }

  function received(state: { request: ObservedRequest | null }, link: Link, bytes: Buffer): void {
    const { request } = state
    if (!request) return
    request.received += bytes.length
    if (request.answered !== null) {
      observer.onMoment('receiving', request, link)
      return
    }
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(bytes.toString('latin1'))?.[1] ?? 0)
    if (status < 200) return
    request.answered = status
    observer.onMoment('answer', request, link)
  }

  return Object.assign(observer, way, { requests })
}

export type ObservedHttp = Awaited<ReturnType<typeof observedHttp>>

/** One server-sent event; without data it only says where the reader is. */
export type ServerEvent = { event: string; id: string | undefined; data: string }

/** Reads a stream of server-sent events (WHATWG HTML, "Server-sent events") until it ends. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  let buffered = ''
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    buffered += decoder.decode(chunk, { stream: true })
    const blocks = buffered.split(/\r?\n\r?\n/)
    buffered = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseEvent(block)
      if (event) yield event
    }
  }
}

function parseEvent(block: string): ServerEvent | null {
  const fields = block.split(/\r?\n/).flatMap((line) => {
    const match = line.match(/^(\w+): ?(.*)$/s)
    return match ? [{ name: match[1], value: match[2] ?? '' }] : []
  })
  const data = fields.filter((field) => field.name === 'data').map((field) => field.value)
  const last = (name: string) => fields.findLast((field) => field.name === name)?.value
  if (data.length === 0 && last('id') === undefined) return null
  return { event: last('event') ?? 'message', id: last('id'), data: data.join('\n') }
}

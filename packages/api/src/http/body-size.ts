import type { BodyLimit } from '@millrace/shared'
import { bodyLimit } from 'hono/body-limit'
import { Failure } from '../failure.ts'
import type { Ctx } from './env.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** The most bytes of a body. */
export const bodyLimits = { usual: 64 * KiB, value: 1.5 * MiB, bulk: 16 * MiB } as const satisfies Record<
  BodyLimit,
  number
>
/** JSON may write a character of one to three bytes as `\u0416`, in six bytes; Python's library does by default. */
const largestEscaped = 8 * MiB

/** Rejects a larger body before reading it. Trusts a declared size, since the HTTP parser enforces it. */
export async function limitBody(c: Ctx, kind: BodyLimit): Promise<void> {
  const largest = bodyLimits[kind]
  const refuse = (): never => {
    throw new Failure('payload_too_large', `A body may have ${nameOf(largest)} here. ${remedies[kind]}`)
  }
  const announced = c.req.header('content-length')
  if (announced !== undefined) {
    const bytes = Number(announced)
    const mayBeEscaped = kind === 'value' && bytes <= largestEscaped
    if (bytes > largest && !mayBeEscaped) refuse()
    c.var.budget.take('body bytes', bytes)
    if (bytes > largest && sizeWithoutEscapes(await c.req.arrayBuffer()) > largest) refuse()
    return
  }
  // Counting turns the body into a stream, which is too expensive for requests without one.
  if (c.req.method === 'GET' || c.req.method === 'HEAD' || !c.req.raw.body) return
  const maxSize = kind === 'value' ? largestEscaped : largest
  await bodyLimit({ maxSize, onError: refuse })(c, async () => undefined)
  const body = await c.req.arrayBuffer()
  c.var.budget.take('body bytes', body.byteLength)
  if (body.byteLength > largest && sizeWithoutEscapes(body) > largest) refuse()
}

/** The least size of a body once its characters are written without escapes. */
function sizeWithoutEscapes(body: ArrayBuffer): number {
  const bytes = Buffer.from(body)
  let size = bytes.length
  for (let at = bytes.indexOf('\\u'); at !== -1; at = bytes.indexOf('\\u', at + 6)) size -= 5
  return size
}

const nameOf = (bytes: number): string => (bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`)

const remedies: Record<BodyLimit, string> = {
  usual: 'Send less.',
  value: 'Upload files as data.',
  bulk: 'Upload files as data, and send more requests.',
}

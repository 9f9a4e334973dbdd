import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { text } from 'node:stream/consumers'

export type Raw = {
  method: string
  headers?: OutgoingHttpHeaders
  body?: string | Uint8Array
  /** The certificate to trust. */
  ca?: string
}
export type RawAnswer = { status: number; headers: IncomingHttpHeaders; body: string }

/** Sends exactly this; `fetch` would normalize path and headers. Always connects to 127.0.0.1, whatever the host is called. */
export function sendRaw(url: string, { method, headers, body, ca }: Raw): Promise<RawAnswer> {
  const [, protocol = '', host = '', path = '/'] = /^(https?):\/\/([^/?]*)(.*)$/.exec(url) ?? []
  const [name = '', port] = host.split(':')
  const send = protocol === 'https' ? requestTls : request
  return new Promise((resolve, reject) => {
    const sent = send(
      { host: '127.0.0.1', servername: name, ca, port, path, method, headers: { host, ...headers } },
      (answer) => {
        text(answer).then(
          (body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
          reject,
        )
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

/** The query of a presigned URL with a made-up signature. */
export function forgedQuery(accessKey: string): string {
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKey}/${at.slice(0, 8)}/us-east-1/s3/aws4_request`,
    'X-Amz-Date': at,
    'X-Amz-Expires': '900',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': '0'.repeat(64),
  })
  return query.toString()
}

/** An aws-chunked body without signatures, and its headers. */
export function unsignedChunks(content: string) {
  const size = Buffer.byteLength(content)
  const headers = {
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': size,
  }
  return { headers, body: `${size.toString(16)}\r\n${content}\r\n0\r\n\r\n\r\n` }
}

/** An archive (ustar) of one file. */
export function tarOf(name: string, content: string): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write('0000000\0'.repeat(2), 108)
  header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124)
  header.write(`${'0'.repeat(11)}\0`, 136)
  header.write(' '.repeat(8), 148)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512)
  body.write(content)
  return Buffer.concat([header, body, Buffer.alloc(1024)])
}

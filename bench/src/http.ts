import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true })

/** JSON over Node's HTTP client, so that the time is Millrace's and not that of a richer client. */
export async function ask(
  base: { url: string; adminKey: string },
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const headers = { authorization: `Bearer ${base.adminKey}`, 'content-type': 'application/json' }
  const sent = request(`${base.url}${path}`, { method, agent, headers }, (response) => {
    let text = ''
    response
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        text += chunk
      })
      .once('error', reject)
      .once('end', () => {
        if (response.statusCode && response.statusCode < 300) resolve(JSON.parse(text))
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
  })
  sent.once('error', reject)
  sent.end(body && JSON.stringify(body))
  return promise
}

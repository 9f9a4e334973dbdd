import type { Client } from '@millrace/client'

/** The number of documents written so far, as the API counts them. */
export async function databaseWrites(client: Client): Promise<number> {
  const text = await (await client.send('GET', '/metrics')).text()
  const count = text.match(/^millrace_database_writes_total (\d+)/m)?.[1]
  if (count === undefined) throw new Error('the API does not count its writes')
  return Number(count)
}

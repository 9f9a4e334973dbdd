import type { Client } from '@millrace/client'

export type DatabaseWrites = { documents: number; durable: number }

/** What the API wrote so far, as it counts it: documents, and the writes that waited for the disk. */
export async function databaseWrites(client: Client): Promise<DatabaseWrites> {
  const text = await (await client.send('GET', '/metrics')).text()
  const counter = (name: string): number => {
    const count = text.match(new RegExp(`^millrace_database_${name}_total (\\d+)`, 'm'))?.[1]
    if (count === undefined) throw new Error(`the API has no metric millrace_database_${name}_total`)
    return Number(count)
  }
  return { documents: counter('writes'), durable: counter('durable_writes') }
}

import type { Client } from '@millrace/client'

export type DatabaseLoad = { documents: number; durable: number; searches: number }

/** What the API asked of the database so far, as it counts it. */
export async function databaseLoad(client: Client): Promise<DatabaseLoad> {
  const text = await (await client.send('GET', '/metrics')).text()
  const counter = (name: string): number => {
    const count = text.match(new RegExp(`^millrace_database_${name}_total (\\d+)`, 'm'))?.[1]
    if (count === undefined) throw new Error(`the API has no metric millrace_database_${name}_total`)
    return Number(count)
  }
  return {
    documents: counter('writes'),
    durable: counter('durable_writes'),
    searches: counter('searches'),
  }
}

/** The load of one of `tasks`, in words. */
export function loadPerTask(before: DatabaseLoad, after: DatabaseLoad, tasks: number): string {
  const each = (kind: keyof DatabaseLoad) => ((after[kind] - before[kind]) / tasks).toFixed(1)
  return (
    `a task writes ${each('documents')} documents, waits for the disk ${each('durable')} times and ` +
    `searches ${each('searches')} times, ticks and heartbeats included\n`
  )
}

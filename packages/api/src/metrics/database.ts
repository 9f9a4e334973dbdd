import { Counter, type Registry } from 'prom-client'
import type { Store } from '../store/store.ts'

/** What this process asks of the database. */
export function meterDatabase(store: Store, registers: Registry[]): void {
  const counter = (name: string, help: string, count: () => number) =>
    new Counter({
      name: `millrace_database_${name}_total`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(count())
      },
    })
  counter('writes', 'Documents that this process wrote', () => store.load().documents)
  counter('durable_writes', 'Writes of this process that waited for the disk', () => store.load().durable)
  counter('searches', 'Searches of this process', () => store.load().searches)
}

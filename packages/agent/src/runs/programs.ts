import type { InventoryModule } from '@millrace/shared/for-agents'
import type { Catalogue, RunnableModule } from '../modules/catalogue.ts'
import type { RunnableWorker } from '../workers/runnable-worker.ts'
import type { Workers } from '../workers/workers.ts'

/** The program of a task: a module of the modules folder, or a configured worker. */
export type Program = RunnableModule | RunnableWorker

/** All programs of this agent, from every source. */
export type Programs = {
  inventory(): InventoryModule[]
  available(): Program[]
  find(name: string, version: string, digest: string): Program | null
  setEnabled(states: Record<string, 'enabled' | 'disabled'>): void
  scan(): Promise<void>
  close(): Promise<void>
}

export function programsOf(catalogue: Catalogue, workers: Workers): Programs {
  const taken = () => new Set(catalogue.inventory().map(({ name }) => name))
  return {
    inventory: () => [...catalogue.inventory(), ...workers.inventory(taken())],
    available: () => [...catalogue.available(), ...workers.available(taken())],
    find: (...which) => catalogue.find(...which) ?? workers.find(...which),
    setEnabled(states) {
      catalogue.setEnabled(states)
      workers.setEnabled(states)
    },
    async scan() {
      const looked = await Promise.allSettled([catalogue.scan(), workers.scan()])
      const failed = looked.find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    },
    async close() {
      await Promise.all([catalogue.close(), workers.close()])
    },
  }
}

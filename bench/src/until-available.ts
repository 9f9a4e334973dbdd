import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@millrace/client'

const patienceMs = 120_000

export async function untilAvailable(client: Client, name: string): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const { items } = await client.listModules()
    const module = items.find((one) => one.name === name)
    if (module?.status === 'AVAILABLE') return
    if (Date.now() > deadline)
      throw new Error(`${name} is ${module?.status ?? 'unknown'} after ${patienceMs / 1000} s`)
    await pause(100)
  }
}

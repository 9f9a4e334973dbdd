import { setTimeout as pause } from 'node:timers/promises'
import { connect } from '@millrace/client'

const patienceMs = 300_000

/** Waits until these modules have passed their tests, so that no install distorts the measurement. */
export async function untilAvailable(
  installation: { url: string; adminKey: string },
  wanted: readonly string[],
): Promise<void> {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const deadline = Date.now() + patienceMs
  for (;;) {
    const { items } = await client.listModules()
    const missing = wanted.filter(
      (name) => !items.some((one) => one.name === name && one.status === 'AVAILABLE'),
    )
    if (missing.length === 0) return
    if (Date.now() > deadline)
      throw new Error(`not available after ${patienceMs / 1000} s: ${missing.join(', ')}`)
    await pause(100)
  }
}

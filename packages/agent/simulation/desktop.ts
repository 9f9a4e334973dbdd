import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from '@millrace/std/time'
import { heldAndWanted } from './held.ts'

const everyMs = 300
/** The largest step, below the headroom that the agent keeps for such steps. */
const stepMib = 1000
const mostMib = 9_000
const totalMib = 32 * 1024

/** Programs of the machine's owner: they allocate memory in steps, never more than is free, and release it at once. */
export function startDesktop(gpuFolder: string, random: () => number) {
  const stopping = new AbortController()
  let mib = 0
  let wanted = 0
  const live = async () => {
    while (!stopping.signal.aborted) {
      await sleep(everyMs, stopping.signal)
      if (random() < 0.25) wanted = random() < 0.4 ? 0 : Math.floor(random() * mostMib)
      const room = totalMib - heldAndWanted(gpuFolder) - mib
      mib = wanted <= mib ? wanted : mib + Math.max(0, Math.min(stepMib, wanted - mib, room))
      writeFileSync(join(gpuFolder, 'foreign.new'), String(mib))
      renameSync(join(gpuFolder, 'foreign.new'), join(gpuFolder, 'foreign'))
    }
  }
  const living = live()
  return {
    async stop(): Promise<void> {
      stopping.abort()
      await living
    },
  }
}

export const foreignMib = (gpuFolder: string): number => {
  try {
    return Number(readFileSync(join(gpuFolder, 'foreign'), 'utf8'))
  } catch {
    return 0 // no program has allocated memory yet
  }
}

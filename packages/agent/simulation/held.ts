import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Hold = z.object({ mib: z.number(), wants: z.number() })

/** Memory of modules' processes, present or reserved, in MiB; includes dead processes whose memory is not free yet. */
export function heldAndWanted(gpuFolder: string): number {
  let mib = 0
  for (const name of readdirSync(join(gpuFolder, 'holds'))) {
    const hold = /^\d+$/.test(name) ? read(join(gpuFolder, 'holds', name)) : null
    if (hold) mib += Math.max(hold.mib, hold.wants)
  }
  return mib
}

function read(path: string): z.infer<typeof Hold> | null {
  try {
    return Hold.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return null // freed meanwhile
  }
}

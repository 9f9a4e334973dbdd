import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Hold = z.object({ mib: z.number(), wants: z.number() })

/** What processes of modules hold, or will: in MiB, also of those whose memory is on its way back. */
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
    return null // given back meanwhile
  }
}

import { type InventoryAnswer, type InventoryModule, Manifest } from '@millrace/shared'
import type { Serves } from '../../store/documents/access.ts'
import { mayServe, notServed } from './served.ts'

export type Withheld = NonNullable<InventoryAnswer['withheld']>

/** The most contents of one module on one agent without a trusted key. */
const mostOfOne = 10
const longestManifest = 64 * 1024

/** What the registry accepts under this key, and why it rejects the rest. */
export function judgeReport(serves: Serves, inventory: readonly InventoryModule[]) {
  const taken: InventoryModule[] = []
  const leftOut: Withheld = []
  for (const one of inventory) {
    const reason = mayServe(serves, one.name)
      ? serves.trusted
        ? null
        : faultOf(one, taken)
      : notServed(serves, one.name)
    if (reason === null) taken.push(one)
    else leftOut.push(leftOutAs(one, reason))
  }
  return { taken, leftOut }
}

/** Why an operator could not judge this report of an agent without a trusted key. */
function faultOf(one: InventoryModule, before: readonly InventoryModule[]): string | null {
  const same = before.filter(({ name }) => name === one.name)
  if (same.length >= mostOfOne)
    return `An agent whose key is not trusted may have ${mostOfOne} versions of a module. Remove the others.`
  if (same.some(({ version, digest }) => version === one.version && digest === one.digest))
    return 'It is reported twice with the same version and digest.'
  if (JSON.stringify(one.manifest).length > longestManifest)
    return `Its manifest has more than ${longestManifest} characters, which only agents with a trusted key may report.`
  const manifest = Manifest.safeParse(one.manifest).data
  if (manifest && (manifest.name !== one.name || manifest.version !== one.version))
    return `Its manifest is of ${manifest.name}@${manifest.version}.`
  return null
}

export const leftOutAs = ({ name, version, digest }: InventoryModule, reason: string): Withheld[number] => ({
  name,
  version,
  digest,
  reason,
  needsApproval: false,
})

import type { Found } from './take-stock.ts'

export type Named = Found & { name: string }

/**
 * Gives every folder a name of its own: the manifest's, or one made from the folder's name when the manifest
 * has none that is valid. Of two folders with one name, that which bears it keeps it; the other is at fault.
 */
export function nameModules(found: readonly Found[]): Named[] {
  const named = new Map<string, Named>()
  const bearsItsName = (one: Found) => one.folderName === one.manifest?.name
  const sound = found.filter((one) => one.manifest !== null)
  const nameless: Found[] = found.filter((one) => one.manifest === null)
  for (const one of sound.toSorted((a, b) => Number(bearsItsName(b)) - Number(bearsItsName(a)))) {
    const name = one.manifest?.name ?? ''
    const first = named.get(name)
    if (!first) named.set(name, { ...one, name })
    else
      nameless.push({
        ...one,
        fault: `The name "${name}" is already taken by the folder ${first.folderName}`,
      })
  }
  for (const one of nameless) {
    const name = freeName(one.folderName, named)
    named.set(name, { ...one, name })
  }
  return [...named.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function freeName(folderName: string, taken: ReadonlyMap<string, unknown>): string {
  const plain = folderName
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 56)
  const base = plain === '' ? 'module' : plain
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? base : `${base}-${n}`
    if (!taken.has(name)) return name
  }
}

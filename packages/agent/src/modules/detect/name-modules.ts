import type { Found } from './scan-folders.ts'

export type Named = Found & { name: string }

/**
 * Gives every folder its name: the manifest's, or one made from the folder's name when the manifest has none that
 * is valid. Several versions of a module may lie side by side. Of two folders with one name and version, that
 * which bears the name keeps it; the other is at fault.
 */
export function nameModules(found: readonly Found[]): Named[] {
  const named = new Map<string, Named>()
  const bearsItsName = (one: Found) => one.folderName === one.manifest?.name
  const sound = found.filter((one) => one.manifest !== null)
  const nameless: Found[] = found.filter((one) => one.manifest === null)
  for (const one of sound.toSorted((a, b) => Number(bearsItsName(b)) - Number(bearsItsName(a)))) {
    const { name = '', version = '' } = one.manifest ?? {}
    const first = named.get(`${name}@${version}`)
    if (!first) named.set(`${name}@${version}`, { ...one, name })
    else
      nameless.push({
        ...one,
        fault: `${name}@${version} is already in the folder ${first.folderName}: give one of them another version or name`,
      })
  }
  const taken = new Set([...named.values()].map((one) => one.name))
  const rest = nameless.map((one) => {
    const name = freeName(one.folderName, taken)
    taken.add(name)
    return { ...one, name }
  })
  return [...named.values(), ...rest].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function freeName(folderName: string, taken: ReadonlySet<string>): string {
  const plain = folderName
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 56)
  // `constructor` is no name that a module may have.
  const base = plain === '' || plain in {} ? 'module' : plain
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? base : `${base}-${n}`
    if (!taken.has(name)) return name
  }
}

/** Whether nothing about a folder has changed that matters. */
export const isSame = (one: Named, other: Named): boolean =>
  one.digest === other.digest && one.fault === other.fault && one.name === other.name

/** A module with few requirements does not wait behind one that takes minutes: the list's length is the measure. */
export function smallestFirst(named: readonly Named[]): Named[] {
  const requirements = ({ listing, manifest }: Named) => {
    const file = listing.entries.find((entry) => entry.path === manifest?.requirementsFile)
    return file?.kind === 'file' ? file.size : 0
  }
  return named.toSorted((a, b) => requirements(a) - requirements(b))
}

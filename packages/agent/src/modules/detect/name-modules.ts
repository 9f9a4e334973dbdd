import type { Found } from './scan-folders.ts'

export type Named = Found & { name: string }

/**
 * Gives every folder a module name: the manifest's, or one derived from the folder's name when the manifest has no
 * valid name. A module may have several versions in the folder. If two folders have the same name and version, the
 * folder with that name keeps it; the other gets a fault.
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
  // A module must not be called `constructor`.
  const base = plain === '' || plain in {} ? 'module' : plain
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? base : `${base}-${n}`
    if (!taken.has(name)) return name
  }
}

/** Whether nothing relevant about a folder has changed. */
export const isSame = (one: Named, other: Named): boolean =>
  one.digest === other.digest && one.fault === other.fault && one.name === other.name

/** Puts modules with few requirements before modules that take minutes, measured by the length of the list. */
export function smallestFirst(named: readonly Named[]): Named[] {
  const requirements = ({ listing, manifest }: Named) => {
    const file = listing.entries.find((entry) => entry.path === manifest?.requirementsFile)
    return file?.kind === 'file' ? file.size : 0
  }
  return named.toSorted((a, b) => requirements(a) - requirements(b))
}

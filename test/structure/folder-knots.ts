import { relative } from 'node:path'
import type { Import } from './imports.ts'

/** A folder directly below the root that the imports are about, or a file that lies there itself. */
const roomOf = (root: string, file: string): string => relative(root, file).split('/', 1)[0] ?? ''

/**
 * Groups of folders below `root` that import each other in a circle, each with the imports that tie it, so that no
 * folder can be read before the others.
 */
export function folderKnots(root: string, imports: readonly Import[]): string[][] {
  const arrows = imports
    .filter(({ from, to }) => from.startsWith(`${root}/`) && to.startsWith(`${root}/`))
    .map((one) => ({ ...one, above: roomOf(root, one.from), below: roomOf(root, one.to) }))
    .filter(({ above, below }) => above !== below)
  const rooms = [...new Set(arrows.flatMap(({ above, below }) => [above, below]))]
  const reached = new Map(rooms.map((room) => [room, reachedFrom(room, arrows)]))
  const isTied = (one: string, other: string) => reached.get(one)?.has(other) && reached.get(other)?.has(one)
  return rooms
    .map((room) => rooms.filter((other) => isTied(room, other)))
    .filter((knot, at) => knot.length > 1 && rooms.indexOf(knot[0] ?? '') === at)
    .map((knot) =>
      arrows
        .filter(({ above, below }) => knot.includes(above) && knot.includes(below))
        .map(({ from, to }) => `${from} imports ${to}`),
    )
}

function reachedFrom(room: string, arrows: readonly { above: string; below: string }[]): Set<string> {
  const reached = new Set<string>()
  for (let fresh = [room]; fresh.length > 0; ) {
    fresh = arrows
      .filter(({ above, below }) => fresh.includes(above) && !reached.has(below))
      .map(({ below }) => below)
    for (const one of fresh) reached.add(one)
  }
  return reached
}

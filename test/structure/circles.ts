import type { Import } from './imports.ts'

/** The first files found that import each other in a circle, types included; empty without a circle. */
export function circleIn(imports: readonly Import[]): string[] {
  const targets = Map.groupBy(imports, ({ from }) => from)
  const finished = new Set<string>()
  const search = (file: string, path: readonly string[]): string[] => {
    const at = path.indexOf(file)
    if (at !== -1) return path.slice(at)
    if (finished.has(file)) return []
    for (const { to } of targets.get(file) ?? []) {
      const circle = search(to, [...path, file])
      if (circle.length > 0) return circle
    }
    finished.add(file)
    return []
  }
  for (const file of targets.keys()) {
    const circle = search(file, [])
    if (circle.length > 0) return circle
  }
  return []
}

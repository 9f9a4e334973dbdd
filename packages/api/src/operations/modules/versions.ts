/** By the numbers of a semantic version; a pre-release comes before its release. */
export function compareVersions(a: string, b: string): number {
  const split = (version: string) => {
    const [numbers = '', pre] = version.split('+', 1)[0]?.split(/-(.*)/s) ?? []
    return { numbers: numbers.split('.').map(Number), pre }
  }
  const [x, y] = [split(a), split(b)]
  for (const at of [0, 1, 2]) {
    const difference = (x.numbers[at] ?? 0) - (y.numbers[at] ?? 0)
    if (difference !== 0) return difference
  }
  if (x.pre === y.pre) return 0
  if (x.pre === undefined) return 1
  if (y.pre === undefined) return -1
  return x.pre.localeCompare(y.pre, 'en', { numeric: true })
}

/** For an anchored prefix search: every character stands for itself. A pattern may not hold a bare NUL. */
export const escapeRegex = (text: string): string =>
  text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replaceAll('\0', '\\x00')

/** Lengths of beginnings, in UTF-16 units, that an index holds: close together where texts begin to differ. */
const lengths = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 200]

/**
 * The beginnings of a label, for an index over many of them: a search by prefix is then an equality, whose results come
 * in the order of the ids.
 */
export const labelStarts = (label: string): string[] =>
  lengths.filter((length) => length <= label.length).map((length) => label.slice(0, length))

/** Documents whose label has this prefix: those that share its longest indexed beginning, and then its rest. */
export function labelBegins(prefix: string): { labelStarts: string; label: { $regex: string } } {
  const longest = labelStarts(prefix).at(-1) ?? ''
  return { labelStarts: longest, label: { $regex: `^${escapeRegex(prefix)}` } }
}

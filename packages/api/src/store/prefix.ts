/** For an anchored prefix search: every character stands for itself. A pattern may not hold a bare NUL. */
export const escapeRegex = (text: string): string =>
  text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replaceAll('\0', '\\x00')

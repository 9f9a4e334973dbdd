import { satisfies, validRange } from 'semver'

/**
 * Turns Python's way of writing versions (`>=3.10,<3.13`, `~=3.11`, `==3.12.*`) into a semver range;
 * `null` when it makes no sense.
 */
export function pythonRange(text: string): string | null {
  const range = text
    .split(',')
    .map((part) => part.trim())
    .map((part) => part.replace(/^===?\s*/, ''))
    .map((part) => part.replace(/^~=\s*(\d+)\.(\d+)$/, '^$1.$2').replace(/^~=\s*/, '~'))
    .map((part) => part.replace(/\.\*$/, '.x'))
    .join(' ')
  return validRange(range)
}

/** Whether a Python version such as `3.11.7` is one that a module asks for. */
export function pythonSatisfies(version: string, wanted: string): boolean {
  const range = pythonRange(wanted)
  return range !== null && satisfies(version, range)
}

import { satisfies, validRange } from '@renovatebot/pep440'

/** Whether a Python version such as `3.11.7` is one that a module asks for. */
export function pythonSatisfies(version: string, wanted: string): boolean {
  const range = pythonRange(wanted)
  return range !== null && satisfies(version, range)
}

/**
 * The versions that a module asks for, as PEP 440 writes them (`>=3.10,<3.13`, `~=3.11`); `null` when it makes no sense.
 * More is taken than the standard has: `3.11` and `==3.11` mean any 3.11, `*` any version, and a blank may stand for a comma.
 */
export function pythonRange(text: string): string | null {
  const range = text
    .replace(/([<>=!~])\s+/g, '$1')
    .split(/[\s,]+/)
    .filter((part) => part !== '' && part !== '*')
    .map((part) => part.replace(/^(?=\d)/, '=='))
    .map((part) => part.replace(/^([=!]=)(\d+(?:\.\d+)?)$/, '$1$2.*'))
    .join(',')
  return validRange(range) ? range : null
}

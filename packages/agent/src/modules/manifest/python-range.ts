import { satisfies, validRange } from '@renovatebot/pep440'

/** Whether a Python version such as `3.11.7` is in the range that a module requires. */
export function pythonSatisfies(version: string, wanted: string): boolean {
  const range = pythonRange(wanted)
  return range !== null && satisfies(version, range)
}

/**
 * The versions that a module requires, in PEP 440 notation (`>=3.10,<3.13`, `~=3.11`); `null` when the range is invalid.
 * More is allowed than in the standard: `3.11` and `==3.11` mean any 3.11, `*` any version, and a space may replace a comma.
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

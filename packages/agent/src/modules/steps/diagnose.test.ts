import { expect, it } from 'vitest'
import { knownCause } from './diagnose.ts'

it.each([
  [
    'ImportError: libGL.so.1: cannot open shared object file: No such file or directory',
    /^Missing library libGL\.so\.1:/,
  ],
  [
    'OSError: /opt/lib/libcudart.so.12: cannot open shared object file',
    /^Missing library libcudart\.so\.12:/,
  ],
  [
    'ImportError: DLL load failed while importing _ssl: The specified module could not be found.',
    /^Missing library of _ssl/,
  ],
  ["ModuleNotFoundError: No module named 'cv2'", /^Missing Python package cv2:/],
])('%s', (line, expected) => {
  expect(knownCause(['Traceback (most recent call last):', line, ''])).toMatch(expected)
})

it('returns null for an unknown cause', () => {
  expect(knownCause(['ValueError: wrong'])).toBeNull()
})

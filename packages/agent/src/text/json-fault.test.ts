import { expect, test } from 'vitest'
import { jsonFault } from './json-fault.ts'

const rows: [string, string | null][] = [
  ['{"a": 1}', null],
  ['{\n  "a": 1,\n}', 'Expected double-quoted property name (line 3 column 1)'],
  ['{\n  "a": 1\n  "b": 2\n}', "Expected ',' or '}' after property value (line 3 column 3)"],
  ["{'a': 1}", "Expected property name or '}' (line 1 column 2)"],
  ['{"version": 1.0.0}', "Expected ',' or '}' after property value (line 1 column 16)"],
  ['{\n  "a": True\n}', 'Unexpected T (line 2 column 8)'],
  ['{\n  "a": tru\n}', 'Unexpected end of line (line 2 column 11)'],
  ['[\n  1,\n]', 'Unexpected ] (line 3 column 1)'],
  ['// my module\n{}', 'Unexpected / (line 1 column 1)'],
  ['{}\n{}', 'Unexpected non-whitespace character after JSON (line 2 column 1)'],
  ['{"a": 1', "Expected ',' or '}' after property value (line 1 column 8)"],
  ['', 'Unexpected end of JSON input'],
]
for (const [text, fault] of rows)
  test(`${JSON.stringify(text)}: ${fault ?? 'nothing'}`, () => {
    expect(jsonFault(text)).toBe(fault)
  })

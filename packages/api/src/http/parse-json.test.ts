import { inexactNumberIn } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import { pointer } from '../pointer.ts'
import { parseJsonInTurns } from './parse-json.ts'

const atOnce = () => undefined
const parse = (text: string) => parseJsonInTurns(text, atOnce)
const long = (text: string) => text.repeat(Math.ceil(200_000 / text.length))

describe('a long text is parsed like JSON.parse', () => {
  test.each([
    ['a list', `[${long('1,')}2]`],
    ['an object', `{${Array.from({ length: 20_000 }, (_, n) => `"key ${n}": ${n}`)}}`],
    ['lists in objects in lists', `[${long('{"a":[1,{"b":"}]\\"{"}],"c":null}, ')}[]]`],
    [
      'long elements among short ones',
      `[1, [${long('"x",')}0] , {"a": {"b" : [${long('{},')}{}] }, "c":1},[],2]`,
    ],
    ['names that stand twice', `{"a":1,"b":[${long('1,')}1],"a":[${long('2,')}2],"b":3}`],
    [
      'odd names',
      `{"__proto__":{"x":[${long('1,')}1]},"":[${long('1,')}1],"a\\"b":1,"1":2,"constructor":{"y":1}}`,
    ],
    ['a string', JSON.stringify(long('\\"\u0000💧\ud800'))],
    ['white space', `${long(' \n')}[1 ,${long('\t')}[ ],{ } ]${long('\r')}`],
  ])('%s', async (_, text) => {
    const parsed = await parse(text)
    expect(JSON.stringify(parsed)).toBe(JSON.stringify(JSON.parse(text)))
    expect(parsed).toEqual(JSON.parse(text))
  })
})

describe('invalid JSON is rejected', () => {
  const list = `[${long('1,')}1]`
  test.each([
    ['a comma too many at the end', `[${long('1,')}]`],
    ['two commas', `[${long('1,')},1]`],
    ['a comma at the beginning', `[,${long('1,')}1]`],
    ['a comma before a long element', `{,"a":${list}}`],
    ['a comma too many between long elements', `[${list},,${list}]`],
    ['no comma between long elements', `[${list}${list}]`],
    ['no comma between long members', `{"a":${list}"b":${list}}`],
    ['something after a long element', `[${list}x,1]`],
    ['something before a long element', `[x${list},1]`],
    ['a list that ends as an object', `[${long('1,')}1}`],
    ['an object that ends as a list', `{"a":${list}]`],
    ['no name', `{${list}}`],
    ['two names', `{"a":"b":${list}}`],
    ['no end', `[${long('1,')}1`],
    ['a string without an end', `["${long('a')}`],
    ['text after the end', `${list}1`],
    ['text before the beginning', `1${list}`],
    ['two roots', `${list},${list}`],
    ['a comma outside', `${long(' ')},1`],
    ['nothing but brackets that end', `${long(' ')}]`],
  ])('%s', async (_, text) => {
    expect(() => JSON.parse(text)).toThrow()
    await expect(parse(text)).rejects.toThrow(SyntaxError)
  })
})

describe('a fault in a long text has its place in the whole text', () => {
  const bad = '9007199254740993'
  const faultIn = (_: unknown, text: string) => {
    const found = inexactNumberIn(text)
    return found && { path: pointer(found.path), message: found.literal }
  }
  test.each([
    ['in a list', `[${long('1,')}${bad},${long('1,')}1]`],
    ['in the last element', `[${long('1,')}${bad}]`],
    [
      'in an object',
      `{${Array.from({ length: 20_000 }, (_, n) => `"key/${n}": ${n === 15_000 ? bad : n}`)}}`,
    ],
    [
      'deep in short elements',
      `{"tasks":[${long('{"a":[1,{"b":2}]},')}{"a":[1,{"b":${bad}}]},${long('{},')}{}]}`,
    ],
    ['in a long element among short ones', `[0,{"a":1,"b":[[${long('1,')}${bad},${long('1,')}2]]},3]`],
    ['after long elements', `{"a":[${long('1,')}1],"b":[${long('1,')}1],"c":{"":${bad}}}`],
    ['before a long element', `{"z":0,"a":${bad},"b":[${long('1,')}1]}`],
    ['as nearly all of it', `[${long(' ')}${bad}]`],
  ])('%s', async (_, text) => {
    const place = faultIn(null, text)?.path
    expect(place).toMatch(/^\/./)
    await expect(parseJsonInTurns(text, atOnce, faultIn)).rejects.toMatchObject({
      errors: [{ path: place, message: bad }],
    })
  })
})

test('random texts are parsed or rejected like JSON.parse', async () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  const padding = ' '.repeat(40_000)
  const words = [
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"a"',
    '"\\""',
    '1',
    'null',
    padding,
    '{"k":[1]}',
    `[${padding}]`,
  ]
  for (let round = 0; round < 3_000; round += 1) {
    const text = Array.from({ length: 1 + random(14) }, () => words[random(words.length)]).join('')
    const expected = attempt(() => JSON.parse(text))
    const got = await parse(text).then(
      (value) => JSON.stringify(value),
      () => 'refused',
    )
    expect(got, JSON.stringify(text).replaceAll(padding, '…')).toBe(expected)
  }
})

function attempt(act: () => unknown): string {
  try {
    return JSON.stringify(act())
  } catch {
    return 'refused'
  }
}

test.each([
  ['levels', `${'['.repeat(102)}${']'.repeat(102)}`],
  ['values', `[${'1,'.repeat(1_000_000)}1]`],
  ['members of one object', `{${Array.from({ length: 100_001 }, (_, n) => `"${n}":1`)}}`],
])('too many %s are refused in words', async (_, text) => {
  await expect(parse(text)).rejects.toMatchObject({ code: 'invalid_request' })
})

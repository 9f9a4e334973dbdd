import { expect, test } from 'vitest'
import { parseSchema } from './openapi-document.ts'
import { docComment, refsIn, typeOf } from './type-of-schema.ts'

test.each([
  [{}, 'Json'],
  [{ type: 'integer', minimum: 0 }, 'number'],
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ const: 'single' }, '"single"'],
  [{ type: 'string', enum: ['a', 'b'] }, '"a" | "b"'],
  [{ $ref: '#/components/schemas/Task' }, 'Task'],
  [{ anyOf: [{ $ref: '#/components/schemas/Task' }, { type: 'null' }] }, 'Task | null'],
  [{ type: 'array', items: { type: ['string', 'null'] } }, '(string | null)[]'],
  [{ type: 'string', pattern: '^tsk_[0-9A-HJKMNP-TV-Z]{26}$' }, `\`tsk_\${string}\``],
  [{ type: 'string', pattern: '^tsk_[0-9A-HJKMNP-TV-Z]{26}\\.-?\\d+$' }, `\`tsk_\${string}.\${number}\``],
  [{ type: 'string', pattern: '^[0-9a-f]{64}$' }, 'string'],
  [{ type: 'object', additionalProperties: true }, '{ [key: string]: Json }'],
  [{ type: 'object', additionalProperties: { type: 'number' } }, '{ [key: string]: number }'],
  [{ type: 'object', properties: {}, additionalProperties: false }, 'Record<string, never>'],
  [
    { type: 'object', properties: { a: { type: 'string' }, 'b-c': { const: 1 } }, required: ['a'] },
    '{\n"a": string\n"b-c"?: 1\n}',
  ],
])('%j is the type %s', (schema, type) => {
  expect(typeOf(parseSchema(schema))).toBe(type)
})

test('a keyword without a type is an error', () => {
  expect(() => parseSchema({ allOf: [{ type: 'string' }] })).toThrow('allOf')
})

test('an object with fixed and other members is an error', () => {
  const schema = { type: 'object', properties: { a: {} }, additionalProperties: { type: 'string' } }
  expect(() => typeOf(parseSchema(schema))).toThrow('additionalProperties')
})

test('a description and a default become a comment, which no text can end', () => {
  expect(docComment({ description: 'bytes' })).toBe('/** bytes */\n')
  expect(docComment({ description: 'all of image/*/x', default: 0 })).toBe(
    '/**\n * all of image/*\\/x\n * @default 0\n */\n',
  )
})

test('names in comments and strings refer to no type', () => {
  expect(refsIn('/** A Task */ a: Run | "Agent" | `Key_`')).toEqual(['Run'])
})

/** A JSON Schema as the OpenAPI document has it; what is not read here is left out. */
export type Schema = {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  pattern?: string
  format?: string
  minLength?: number
}

/** Ways to fill a place in a body with as much trouble as fits into a number of bytes. */
const fillings: Record<string, (bytes: number) => string> = {
  'small numbers': (bytes) => `[${'1,'.repeat(bytes / 2 - 2)}1]`,
  'empty objects': (bytes) => `[${'{},'.repeat(bytes / 3 - 2)}{}]`,
  'unknown names': (bytes) => `{${names(bytes - 2)}}`,
  'names of empty objects': (bytes) => `{${names(bytes - 2, '{}')}}`,
  'long names': (bytes) =>
    `{${Array.from({ length: 10 }, (_, n) => `"${n}${'~\\u0000'.repeat(bytes / 100)}":1`)}}`,
  'a long text': (bytes) => `"${'\\u0000'.repeat(bytes / 6 - 1)}"`,
  'deep lists': (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2),
  'many deep lists': (bytes) => `[${Array.from({ length: bytes / 200 - 1 }, () => deep(90))}]`,
  'wrong lists': (bytes) => `[${'[0],'.repeat(bytes / 4 - 2)}0]`,
}

/** Those that reach what looks at a member: the others end where the text is parsed. */
const memberFillings = ['small numbers', 'names of empty objects', 'a long text', 'many deep lists']
/** One filling is enough for a member that takes neither lists nor objects. */
const scalarFillings = ['names of empty objects']
const isScalar = ({ type }: Schema) => ['string', 'number', 'integer', 'boolean'].includes(type ?? '')

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
function names(bytes: number, value = '1'): string {
  const members: string[] = []
  for (let left = bytes; ; ) {
    const member = `"${members.length.toString(36)}":${value}`
    left -= member.length + 1
    if (left < 0) return members.join()
    members.push(member)
  }
}

export type WorstBody = { what: string; text: string }

/** Every filling as the body itself, next to what the schema wants, and in the place of each of its members. */
export function* worstBodies(schema: Schema, bytes: number): Generator<WorstBody> {
  for (const [what, fill] of Object.entries(fillings)) yield { what, text: fill(bytes) }
  for (const one of schema.anyOf ?? schema.oneOf ?? [schema]) {
    const wanted = example(one)
    const room = bytes - JSON.stringify(wanted).length - 100
    yield { what: 'additional unknown names', text: JSON.stringify(wanted).replace(/}$/, `,${names(room)}}`) }
    for (const [key, of] of Object.entries(one.properties ?? {})) {
      const text = (filling: string) =>
        JSON.stringify({ ...Object(wanted), [key]: place }).replace(`"${place}"`, () => filling)
      for (const what of isScalar(of) ? scalarFillings : memberFillings)
        yield { what: `${key}: ${what}`, text: text(fillings[what]?.(room) ?? '') }
      if (of.items) yield* worstElements(key, of.items, room, text)
    }
  }
}

/** As many elements as fit, each of them wrong in some way. */
function* worstElements(
  key: string,
  schema: Schema,
  room: number,
  text: (filling: string) => string,
): Generator<WorstBody> {
  const good = example(schema)
  const some: Record<string, unknown> = { right: good, empty: {} }
  for (const inner of Object.keys(schema.properties ?? {}))
    some[`wrong ${inner}`] = { ...Object(good), [inner]: { wrong: 1 } }
  some['all wrong'] = Object.fromEntries(
    Object.keys(schema.properties ?? {}).map((inner) => [inner, { a: [] }]),
  )
  for (const [what, one] of Object.entries(some)) {
    const element = JSON.stringify(one) ?? 'null'
    yield {
      what: `${key}: ${what}`,
      text: text(`[${`${element},`.repeat(Math.min(10_000, room / (element.length + 1)) - 1)}${element}]`),
    }
  }
}

const place = '@place@'
const ulid = '01ARZ3NDEKTSV4RRFFQ69G5FAV'

/** A value that the schema accepts, as far as a few rules know. */
function example(schema: Schema): unknown {
  const [option] = schema.anyOf ?? schema.oneOf ?? []
  if (option) return example(option)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.properties) {
    const wanted = schema.required ?? []
    return Object.fromEntries(wanted.map((key) => [key, example(schema.properties?.[key] ?? {})]))
  }
  switch (schema.type) {
    case 'array':
      return schema.items ? [example(schema.items)] : []
    case 'number':
    case 'integer':
      return 1
    case 'boolean':
      return true
    case 'object':
      return {}
    case 'string':
      return text(schema)
    default:
      return 'any'
  }
}

function text({ format, pattern = '', minLength = 1 }: Schema): string {
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  const [, prefix] = /^\^\(?\??:?(\w{3})_/.exec(pattern) ?? []
  if (prefix) return `${prefix}_${ulid}${pattern.includes('\\.') ? '.1' : ''}`
  if (pattern.includes('64}')) return 'a'.repeat(64)
  if (pattern.includes('\\d+\\.')) return '1.0.0'
  return 'echo-echo'.slice(0, Math.max(minLength, 9))
}

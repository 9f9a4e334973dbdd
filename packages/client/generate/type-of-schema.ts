import type { Schema } from './openapi-document.ts'

/** The TypeScript type of the values that a schema accepts. */
export function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map((choice) => typeOf(choice)).join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ')
  switch (schema.type) {
    case 'array':
      return `(${typeOf(schema.items ?? {})})[]`
    case 'object':
      return objectType(schema)
    case 'string':
      return stringType(schema.pattern)
    case 'integer':
      return 'number'
    case undefined:
      return 'Json' // a schema without a type accepts any value, and every value is JSON
    default:
      return schema.type
  }
}

type Member = { isRequired?: boolean; type?: string }

/** A member of an object type, with the description and the default of its schema as a comment. */
export const memberOf = (name: string, schema: Schema, { isRequired = false, type }: Member): string =>
  `${docComment(schema)}${JSON.stringify(name)}${isRequired ? '' : '?'}: ${type ?? typeOf(schema)}`

export function docComment({ description, default: value }: Schema): string {
  const lines = [description, value === undefined ? undefined : `@default ${JSON.stringify(value)}`]
  const text = lines.filter(Boolean).map((line) => line?.replaceAll('*/', '*\\/'))
  if (text.length === 0) return ''
  return text.length === 1 ? `/** ${text[0]} */\n` : `/**\n * ${text.join('\n * ')}\n */\n`
}

/** The names of types in generated source; words in comments and strings are none. */
export const refsIn = (source: string): string[] =>
  source.replaceAll(/\/\*[\s\S]*?\*\/|"(?:[^"\\]|\\.)*"|`[^`]*`/g, '').match(/\b[A-Z]\w+/g) ?? []

function objectType({ properties = {}, required = [], additionalProperties }: Schema): string {
  const members = Object.entries(properties).map(([name, schema]) =>
    memberOf(name, schema, { isRequired: required.includes(name) }),
  )
  const isOpen = additionalProperties !== undefined && additionalProperties !== false
  if (members.length > 0 && isOpen) throw new Error('additionalProperties next to properties have no type')
  if (members.length > 0) return `{\n${members.join('\n')}\n}`
  if (additionalProperties === false) return 'Record<string, never>'
  const values = typeof additionalProperties === 'object' ? additionalProperties : {}
  return `{ [key: string]: ${typeOf(values)} }`
}

const ulid = '[0-9A-HJKMNP-TV-Z]{26}'
const attempt = '\\.-?\\d+'

/** The ids of the contract are template literals; TypeScript has no type for any other pattern. */
function stringType(pattern = ''): string {
  const [prefix = '', rest] = pattern.slice(1, -1).split(ulid)
  if (!/^\w+_$/.test(prefix)) return 'string'
  if (rest === '') return `\`${prefix}\${string}\``
  return rest === attempt ? `\`${prefix}\${string}.\${number}\`` : 'string'
}

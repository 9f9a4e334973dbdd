import * as shared from '@millrace/shared'
import { z } from 'zod'

export type JsonSchema = Record<string, unknown>
type Io = 'input' | 'output'

/**
 * The schemas of the OpenAPI document. Each schema that the contract exports appears once, under its exported name. If
 * its forms in answers and requests differ, the request form gets a second name.
 */
export function openSchemas() {
  nameExports()
  const named = { input: namedSchemas('input'), output: namedSchemas('output') }
  const differing = differingNames(named)
  const components: Record<string, JsonSchema> = {}
  const inAnswers = new Set<string>()

  function addComponent(name: string, io: Io): string {
    const shown = io === 'input' && differing.has(name) && inAnswers.has(name) ? `${name}Input` : name
    if (io === 'output') inAnswers.add(name)
    if (!components[shown]) {
      components[shown] = {} // a schema may contain itself
      components[shown] = withReferences(named[io][name] ?? {}, io)
    }
    return `#/components/schemas/${shown}`
  }

  /** The same schema, with references to components. */
  const withReferences = (schema: JsonSchema, io: Io): JsonSchema =>
    JSON.parse(
      JSON.stringify(schema, (key, value) => {
        if (key === '$defs') return undefined
        return key === '$ref' ? addComponent(nameIn(value), io) : value
      }),
    )

  return {
    components,
    /** The schema of a request (`input`) or an answer (`output`). */
    schemaOf(schema: z.ZodType, io: Io): JsonSchema {
      const name = nameOf(schema)
      return name === undefined
        ? withReferences(plainSchema(schema, io), io)
        : { $ref: addComponent(name, io) }
    },
    /** One schema per query parameter. */
    parametersOf(query: z.ZodType): [name: string, schema: JsonSchema][] {
      const name = nameOf(query)
      const { properties } = name === undefined ? plainSchema(query, 'input') : (named.input[name] ?? {})
      return Object.entries(Properties.parse(properties)).map(([name, schema]) => [
        name,
        withReferences(schema, 'input'),
      ])
    },
  }
}

const rules = { unrepresentable: 'any', cycles: 'ref' } as const

const Properties = z.record(z.string(), z.record(z.string(), z.unknown()))

const nameOf = (schema: z.ZodType): string | undefined => z.globalRegistry.get(schema)?.id

/** Gives each exported schema its name; a schema with two names gets the first. */
function nameExports(): void {
  for (const [name, exported] of Object.entries(shared))
    if (exported instanceof z.ZodType && nameOf(exported) === undefined)
      z.globalRegistry.add(exported, { ...z.globalRegistry.get(exported), id: name })
}

function namedSchemas(io: Io): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { ...rules, io, uri: (name) => `#/$defs/${name}` })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: __, id: ___, ...schema }]) => [name, schema]),
  )
}

/** A field with a default is optional in a request and always present in an answer: such schemas have two forms. */
function differingNames({ input, output }: Record<Io, Record<string, JsonSchema>>): Set<string> {
  const forms = new Map(
    Object.keys(output).map((name) => [name, [input[name], output[name]].map((form) => loose(form))]),
  )
  const differing = new Set([...forms].filter(([, [one, other]]) => one !== other).map(([name]) => name))
  for (let before = -1; before !== differing.size; ) {
    before = differing.size
    for (const [name, [text = '']] of forms)
      if ([...text.matchAll(/"\$ref":"([^"]+)"/g)].some(([, ref = '']) => differing.has(nameIn(ref))))
        differing.add(name)
  }
  return differing
}

/** Answer schemas forbid additional properties; that alone does not count as a difference. */
const loose = (schema: unknown): string =>
  JSON.stringify(schema, (key, value) =>
    key === 'additionalProperties' && value === false ? undefined : value,
  )

const nameIn = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

function plainSchema(schema: z.ZodType, io: Io): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { ...rules, io })
  return json
}

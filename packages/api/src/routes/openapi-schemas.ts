import * as shared from '@millrace/shared'
import { z } from 'zod'

export type JsonSchema = Record<string, unknown>
type Io = 'input' | 'output'

/**
 * Schemas as OpenAPI has them: those that the contract exports stand once, under their names there. Answers come first:
 * a schema whose form in requests differs from that in answers then has a second name there.
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

  /** The same schema, whose references lead to components. */
  const withReferences = (schema: JsonSchema, io: Io): JsonSchema =>
    JSON.parse(
      JSON.stringify(schema, (key, value) => {
        if (key === '$defs') return undefined
        return key === '$ref' ? addComponent(nameIn(value), io) : value
      }),
    )

  return {
    components,
    /** What a caller may send (`input`), or gets (`output`). */
    schemaOf(schema: z.ZodType, io: Io): JsonSchema {
      const name = nameOf(schema)
      return name === undefined
        ? withReferences(plainSchema(schema, io), io)
        : { $ref: addComponent(name, io) }
    },
    /** One schema for each parameter of a query. */
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

/** Gives each schema that is exported its name; of two names of one schema the first. */
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

/** What has a default may be left out of a request and is never missing in an answer: such schemas have two forms. */
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

/** In answers an object has nothing but what the schema says, which is no difference of its own. */
const loose = (schema: unknown): string =>
  JSON.stringify(schema, (key, value) =>
    key === 'additionalProperties' && value === false ? undefined : value,
  )

const nameIn = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

function plainSchema(schema: z.ZodType, io: Io): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { ...rules, io })
  return json
}

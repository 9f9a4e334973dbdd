import { z } from 'zod'

const Kind = z.enum(['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'])
const ignored = z.unknown().optional()

/** The keywords of JSON Schema that the contract uses; the generator fails on any other. */
const Schema = z.strictObject({
  $ref: z.string().optional(),
  description: z.string().optional(),
  default: z.json().optional(),
  type: z.union([Kind, z.array(Kind)]).optional(),
  enum: z.array(z.json()).optional(),
  const: z.json().optional(),
  pattern: z.string().optional(),
  required: z.array(z.string()).optional(),
  get properties() {
    return z.record(z.string(), Schema).optional()
  },
  get additionalProperties() {
    return z.union([z.boolean(), Schema]).optional()
  },
  get items() {
    return Schema.optional()
  },
  get anyOf() {
    return z.array(Schema).optional()
  },
  get oneOf() {
    return z.array(Schema).optional()
  },
  // These limit values, and change no type.
  format: ignored,
  propertyNames: ignored,
  minLength: ignored,
  maxLength: ignored,
  minimum: ignored,
  maximum: ignored,
  exclusiveMinimum: ignored,
  minItems: ignored,
  maxItems: ignored,
})
export type Schema = z.infer<typeof Schema>

const Content = z.record(z.string(), z.object({ schema: Schema }))
const Operation = z.object({
  summary: z.string(),
  tags: z.array(z.string()),
  parameters: z.array(
    z.object({ name: z.string(), in: z.enum(['path', 'query', 'header']), schema: Schema }),
  ),
  requestBody: z
    .object({ content: z.object({ 'application/json': z.object({ schema: Schema }) }) })
    .optional(),
  responses: z.record(z.string(), z.object({ content: Content.optional() })),
})
export type Operation = z.infer<typeof Operation>

const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), Schema) }),
})

export const parseDocument = (document: object): z.infer<typeof Document> => Document.parse(document)
export const parseSchema = (schema: unknown): Schema => Schema.parse(schema)

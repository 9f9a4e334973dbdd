import { type Answer, type Call, contractEntries, Problem, tags } from '@millrace/shared'
import { bodyLimits } from '../http/body-size.ts'
import { type JsonSchema, openSchemas } from './openapi-schemas.ts'

type Schemas = ReturnType<typeof openSchemas>

/** The OpenAPI 3.1 document, from the schemas that validate requests. */
export function openApiDocument(): object {
  const schemas = openSchemas()
  const paths: Record<string, Record<string, object>> = {}
  const problem = content('application/problem+json', schemas.schemaOf(Problem, 'output'))
  const refused = { description: 'What went wrong', content: problem }
  const answers = new Map(contractEntries.map(([name, call]) => [name, responses(schemas, call)]))
  for (const [name, call] of contractEntries) {
    const all = { ...answers.get(name), '4XX': refused, default: refused }
    const method = call.method.toLowerCase()
    paths[call.path] = {
      ...paths[call.path],
      [method]: { ...request(schemas, name, call), responses: all },
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version: '1',
      description:
        'Hands heavy work to GPU machines behind NAT. Errors are RFC 9457 problem details with a stable `code`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: sorted(schemas.components),
    },
  }
}

function request(schemas: Schemas, name: string, call: Call) {
  const { bodyLimit = 'usual' } = call
  return {
    summary: call.summary,
    tags: [call.tag],
    operationId: name,
    description: call.scope === 'none' ? 'No key is needed.' : `Needs the scope \`${call.scope}\`.`,
    ...(call.scope === 'none' ? { security: [] } : {}),
    ...(call.audit ? { 'x-audit': call.audit } : {}),
    parameters: parametersOf(schemas, call),
    ...(call.body
      ? {
          requestBody: {
            required: true,
            'x-max-bytes': bodyLimits[bodyLimit],
            content: content('application/json', schemas.schemaOf(call.body, 'input'), call.example),
          },
        }
      : {}),
  }
}

function parametersOf(schemas: Schemas, call: Call): object[] {
  const inPath = Object.entries(call.params ?? {}).map(([name, schema]) => ({
    ...{ name, in: 'path', required: true },
    schema: schemas.schemaOf(schema, 'input'),
  }))
  const inQuery = call.query ? schemas.parametersOf(call.query) : []
  return [
    ...inPath,
    ...inQuery.map(([name, schema]) => ({ name, in: 'query', required: false, schema })),
    ...(call.idempotent ? [idempotencyKey] : []),
  ]
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', maxLength: 255 },
}

const responses = (schemas: Schemas, call: Call): Record<string, object> =>
  Object.fromEntries(
    Object.entries(call.answers).map(([status, answer]) => [status, response(schemas, answer)]),
  )

/** OpenAPI 3.1 cannot describe the items of a stream: the schema is that of one line or event. */
function response(schemas: Schemas, { description, json, lines, events, text }: Answer): object {
  const of = (schema: NonNullable<typeof json>) => schemas.schemaOf(schema, 'output')
  const bodies = {
    ...(json ? content('application/json', of(json)) : {}),
    ...(lines ? content('application/x-ndjson', { ...of(lines), description: 'one line' }) : {}),
    ...(events
      ? content('text/event-stream', {
          description: 'one event, its data as JSON',
          oneOf: Object.entries(events).map(([name, data]) => eventSchema(name, of(data))),
        })
      : {}),
    ...(text ? content(text, { type: 'string' }) : {}),
  }
  return { description, ...(Object.keys(bodies).length > 0 ? { content: bodies } : {}) }
}

const eventSchema = (name: string, data: JsonSchema): JsonSchema => ({
  type: 'object',
  properties: { event: { const: name }, id: { type: 'string' }, data },
  required: ['event', 'data'],
})

const content = (type: string, schema: JsonSchema, example?: unknown) => ({
  [type]: { schema, ...(example === undefined ? {} : { example }) },
})

const sorted = <Value>(record: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))

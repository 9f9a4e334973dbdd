import { Problem } from '@millrace/shared'
import { z } from 'zod'
import { bodyLimits } from '../http/body-size.ts'
import type { Endpoint } from '../http/endpoint.ts'

/** The OpenAPI 3.1 document, from the very schemas that check requests. */
export function openApiDocument(endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const one of endpoints) {
    const path = one.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [one.method]: operation(one) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version: '1',
      description:
        'Hands heavy work to GPU machines behind NAT. Errors are RFC 9457 problem details with a stable `code`.',
    },
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schemaOf(Problem, 'output') },
    },
  }
}

function operation(one: Endpoint): object {
  const responses = Object.entries(one.answers).map(([status, { description, schema }]) => [
    status,
    {
      description,
      ...(schema ? { content: { 'application/json': { schema: schemaOf(schema, 'output') } } } : {}),
    },
  ])
  return {
    summary: one.summary,
    tags: [one.tag],
    operationId: `${one.method}${one.path.replace(/[^a-z0-9]+(\w?)/gi, (_, letter: string) => letter.toUpperCase())}`,
    description: one.scope === 'none' ? 'No key is needed.' : `Needs the scope \`${one.scope}\`.`,
    ...(one.scope === 'none' ? { security: [] } : {}),
    ...(one.audit ? { 'x-audit': one.audit } : {}),
    parameters: [
      ...pathParameters(one),
      ...queryParameters(one),
      ...(one.idempotent ? [idempotencyKey] : []),
    ],
    ...(one.body
      ? {
          requestBody: {
            required: true,
            'x-max-bytes': bodyLimits[one.bodyLimit],
            content: { 'application/json': { schema: schemaOf(one.body, 'input') } },
          },
        }
      : {}),
    responses: { ...Object.fromEntries(responses), default: problemAnswer },
  }
}

const problemAnswer = {
  description: 'What went wrong',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', maxLength: 255 },
}

const pathParameters = (one: Endpoint) =>
  [...one.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))

function queryParameters(one: Endpoint): object[] {
  const properties = one.query ? (schemaOf(one.query, 'input').properties ?? {}) : {}
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', cycles: 'ref' })
  return inlineDefinitions(json)
}

/** Each schema stands alone; its own definitions (only "any JSON" recurses) become "anything". */
function inlineDefinitions<J extends object>(json: J): J {
  return JSON.parse(
    JSON.stringify(json, (key, value) => (key === '$defs' ? undefined : value?.$ref ? {} : value)),
  )
}

import { execFileSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { openApiDocument } from '@millrace/api/openapi'
import { type Operation, parseDocument } from './openapi-document.ts'
import { docComment, memberOf, refsIn, typeOf } from './type-of-schema.ts'

const root = resolve(import.meta.dirname, '../../..')
export const contractFile = join(root, 'packages/client/src/contract.gen.ts')

/** The calls of agents; programs do not make them. */
const agentTag = 'Agent side'

/** The TypeScript source that declares every call of the OpenAPI document, and every schema that a call names. */
export function contractSource(): string {
  const { paths, components } = parseDocument(openApiDocument())
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => !operation.tags.includes(agentTag))
      .map(([method, operation]) => callSource(`${method.toUpperCase()} ${path}`, operation)),
  )
  const table = `/** Every call, by method and path. */\nexport type Calls = {\n${calls.join('\n')}\n}`
  const named = new Map<string, string>()
  const add = (name: string): void => {
    const schema = components.schemas[name]
    if (!schema || named.has(name)) return
    const source = `${docComment(schema)}export type ${name} = ${name === 'Json' ? json : typeOf(schema)}`
    named.set(name, source)
    for (const ref of refsIn(source)) add(ref)
  }
  for (const name of ['Problem', ...refsIn(table)]) add(name)
  const types = [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, source]) => source)
  return formatted([header, table, ...types].join('\n\n'))
}

const header = '// Generated from the OpenAPI document by `npm run types`. Do not edit.'
/** OpenAPI has no word for "any JSON value". */
const json = 'string | number | boolean | null | Json[] | { [key: string]: Json }'

/** The API reads every parameter of a query from text. */
const queryType = 'string | number'

function callSource(route: string, operation: Operation): string {
  const { parameters, requestBody } = operation
  const params = parameters.filter((one) => one.in === 'path')
  const query = parameters.filter((one) => one.in === 'query')
  const members = [
    params.length > 0 &&
      `params: {\n${params.map(({ name, schema }) => memberOf(name, schema, { isRequired: true })).join('\n')}\n}`,
    query.length > 0 &&
      `query: {\n${query.map(({ name, schema }) => memberOf(name, schema, { type: queryType })).join('\n')}\n}`,
    requestBody && `body: ${typeOf(requestBody.content['application/json'].schema)}`,
    ...answerMembers(operation),
  ]
  const doc = docComment({ description: operation.summary })
  return `${doc}${JSON.stringify(route)}: {\n${members.filter(Boolean).join('\n')}\n}`
}

/** `answer` is the JSON of any success, `null` without JSON; streams have the type of a line, or of an event. */
function answerMembers({ responses }: Operation): string[] {
  const successes = Object.entries(responses)
    .filter(([status]) => status !== '4XX' && status !== 'default')
    .map(([, { content = {} }]) => content)
  const of = (type: string) => successes.flatMap((content) => content[type]?.schema ?? [])
  const answers = successes.map((content) => {
    const schema = content['application/json']?.schema
    return schema ? typeOf(schema) : 'null'
  })
  return [
    `answer: ${[...new Set(answers)].join(' | ')}`,
    ...of('application/x-ndjson').map((line) => `line: ${typeOf(line)}`),
    ...of('text/event-stream').map((event) => `event: ${typeOf(event)}`),
  ]
}

const formatted = (source: string): string =>
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'format', `--stdin-file-path=${contractFile}`],
    { cwd: root, input: source, encoding: 'utf8' },
  )

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ofProject, tsc } from './tsc.fixture.ts'

const generated = join(import.meta.dirname, 'contract.gen.ts')
const contract = resolve(import.meta.dirname, '../../shared/src/index.ts')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-types-'))
})
afterAll(() => rm(folder, { recursive: true }))

const compiled = async (program: string): Promise<string> => {
  await writeFile(join(folder, 'program.mts'), prelude + program)
  const compilerOptions = { ...ofProject.compilerOptions, noUnusedLocals: false, noErrorTruncation: true }
  return tsc(folder, { ...ofProject, compilerOptions, files: ['program.mts'] })
}

const prelude = `
import type * as client from ${JSON.stringify(generated)}
import type { Page } from ${JSON.stringify(join(import.meta.dirname, 'page.ts'))}
import type * as contract from ${JSON.stringify(contract)}
/** \`true\` for types that the compiler cannot distinguish. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
`

/** A schema with defaults has a form for requests and one for answers; the document names the form that the calls use. */
const typesOfSchemas = (names: readonly string[]): string => `
type Schema = { _zod: { input: unknown, output: unknown } }
type IsOf<T, S extends Schema> = true extends Equal<T, S['_zod']['input']> | Equal<T, S['_zod']['output']> ? true : false
${names.map((name) => `const ${name}: IsOf<client.${name}, typeof contract.${name}> = true`).join('\n')}
const page: Equal<Page<string>, contract.Page<string>> = true
`

const typesOfCalls = `
type Entry<R extends contract.Route> = contract.CallsByRoute[R]
/** The contract's table is read-only; what a caller gives is not. */
type Writable<T> = T extends object ? { -readonly [Key in keyof T]: T[Key] } : T
type At<C, Key extends string> = C extends { [K in Key]: infer T } ? T : undefined
type KeysOf<T> = T extends undefined ? never : keyof T
type Differences = { [R in keyof client.Calls]:
  | (Equal<At<client.Calls[R], 'params'>, Writable<contract.ParamsOf<Entry<R>>>> extends true ? never : 'params')
  | (Equal<KeysOf<At<client.Calls[R], 'query'>>, contract.QueryKeyOf<Entry<R>>> extends true ? never : 'query')
  | (Equal<At<client.Calls[R], 'body'>, contract.BodyOf<Entry<R>>> extends true ? never : 'body')
  | (Equal<client.Calls[R]['answer'], contract.AnswerOf<Entry<R>>> extends true ? never : 'answer')
}
const none: { [R in keyof Differences as [Differences[R]] extends [never] ? never : R]: Differences[R] } = {}
type Missing = Exclude<contract.Route, keyof client.Calls>
const onlyOfAgents: Missing extends \`\${string} /agent/v1/\${string}\` ? true : Missing = true
`

test('each generated type equals the one that zod infers from the schema of its name', async () => {
  const source = await readFile(generated, 'utf8')
  const names = [...source.matchAll(/^export type (\w+)/gm)].map(([, name = '']) => name)
  const ofSchemas = names.filter((name) => name !== 'Calls')
  expect(ofSchemas.length).toBeGreaterThan(100)
  expect(await compiled(typesOfSchemas(ofSchemas))).toBe('')
})

test('each call takes and answers what the table of the contract says, and only the calls of agents are left out', async () => {
  expect(await compiled(typesOfCalls)).toBe('')
})

test('a difference does not compile', async () => {
  const wrong = `const wrong: Equal<client.Task, Omit<client.Task, 'label'> & { label?: string }> = true`
  expect(await compiled(wrong)).toContain("Type 'true' is not assignable to type 'false'")
})

import { cp, glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ofProject, tsc } from './tsc.fixture.ts'

let folder: string
/** The emitted declarations that a program loads with the client: their texts by path. */
let declarations: Map<string, string>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-declarations-'))
  const compilerOptions = {
    ...ofProject.compilerOptions,
    ...{ noEmit: false, declaration: true, emitDeclarationOnly: true },
    ...{ rootDir: resolve(import.meta.dirname, '../..'), outDir: join(folder, 'emitted') },
  }
  const files = [join(import.meta.dirname, 'index.ts')]
  expect(await tsc(folder, { ...ofProject, compilerOptions, files })).toBe('')
  declarations = await reachable(join(folder, 'emitted/client/src/index.d.ts'))
})
afterAll(() => rm(folder, { recursive: true }))

async function reachable(entry: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const left = [entry]; left.length > 0; ) {
    const file = left.pop() ?? ''
    if (found.has(file)) continue
    const text = await readFile(file, 'utf8')
    found.set(file, text)
    for (const [, path = ''] of text.matchAll(/(?:\bfrom |\bimport\(|^import )['"](\.[^'"]+)['"]/gm))
      left.push(resolve(dirname(file), path.replace(/\.ts$/, '.d.ts')))
  }
  return found
}

test('the declarations of the client import nothing but each other', () => {
  const imported = [...declarations].flatMap(([file, text]) =>
    [...text.matchAll(/(?:\bfrom |\bimport\(|^import |types=)['"]([^.'"][^'"]*)['"]/gm)].map(
      ([, name]) => `${relative(folder, file)}: ${name}`,
    ),
  )
  expect(imported).toEqual([])
  expect(declarations.size).toBeGreaterThan(10)
})

test('they mention neither zod nor the private package of the contract', () => {
  for (const [file, text] of declarations) expect(text, file).not.toMatch(/\bzod\b|@millrace\/shared/i)
})

test('they keep the comments of methods and fields', async () => {
  const sources = await Array.fromAsync(
    glob('{client,contract.gen,calls/*}.ts', { cwd: import.meta.dirname }),
    (file) => readFile(join(import.meta.dirname, file), 'utf8'),
  )
  const comments = sources.flatMap((text) => [
    ...text.matchAll(/^ +(\/\*\* .+ \*\/)\n +(?:async )?\*?['\w]+[?:(]/gm),
  ])
  expect(comments.length).toBeGreaterThan(50)
  const all = [...declarations.values()].join('\n')
  expect(comments.map(([, comment = '']) => comment).filter((comment) => !all.includes(comment))).toEqual([])
})

test('a strict program compiles against them alone, in a folder without any other package', async () => {
  const program = join(folder, 'program')
  const installed = join(program, 'node_modules/@millrace/client')
  const emitted = join(folder, 'emitted/client/src')
  for (const [file, text] of declarations) {
    const copy = join(installed, relative(emitted, file))
    await mkdir(dirname(copy), { recursive: true })
    await writeFile(copy, text)
  }
  const exports = { '.': { types: './index.d.ts' } }
  await writeFile(
    join(installed, 'package.json'),
    JSON.stringify({ name: '@millrace/client', type: 'module', exports }),
  )
  await cp(resolve(import.meta.dirname, '../fixtures/typed-program.ts'), join(program, 'program.mts'))
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2022', 'dom'], module: 'nodenext', types: [] },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true },
    skipLibCheck: false,
  }
  expect(await tsc(program, { compilerOptions, files: ['program.mts'] })).toBe('')
})

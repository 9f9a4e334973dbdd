import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

async function bundle(file: string): Promise<string> {
  const build = await rolldown({ input: join(import.meta.dirname, file) })
  const { output } = await build.generate({ format: 'esm', minify: true })
  await build.close()
  expect(output).toHaveLength(1)
  return output[0].code
}

test('a page that uploads files loads at most 9 KB', async () => {
  expect((await bundle('upload-file.ts')).length).toBeLessThanOrEqual(9_000)
})

test('the whole client is at most 6 KB compressed, and has no schema', async () => {
  const code = await bundle('index.ts')
  expect(gzipSync(code).length).toBeLessThanOrEqual(6_000)
  expect(code).not.toMatch(/safeParse|ZodType/)
})

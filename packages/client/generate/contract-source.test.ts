import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { contractFile, contractSource } from './contract-source.ts'

test('the committed types are those of the OpenAPI document; after a change of it, run `npm run types`', async () => {
  expect(await readFile(contractFile, 'utf8')).toBe(contractSource())
})

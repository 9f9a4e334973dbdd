import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, test } from 'vitest'
import { mutations } from './mutations.ts'

const root = resolve(import.meta.dirname, '../..')
const entry = join(import.meta.dirname, 'main.ts')
const plant = join(import.meta.dirname, 'plant.ts')

type Played = { code: number; printed: string }

/** Plays lives in a separate process, in memory unless a database is named; with a planted bug if one is named. */
async function play(args: string[], mutation?: string): Promise<Played> {
  const hooks = mutation ? ['--import', plant] : []
  const env = { ...process.env, ...(mutation ? { MILLRACE_MUTATION: mutation } : {}) }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...hooks, entry, ...args], { env })
    return { code: 0, printed: stdout }
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string }
    return { code, printed: stdout }
  }
}

const digestOf = ({ printed }: Played): string => /digest (\w+)/.exec(printed)?.[1] ?? printed

describe('the life of tasks, played by seed', () => {
  test('breaks no rule in fifteen hundred lives', async () => {
    const { code, printed } = await play(['--from', '1', '--seeds', '1500'])
    expect(printed).toMatch(/1500 lives played .* every rule held/)
    expect(code).toBe(0)
  }, 300_000)

  test('is the same over the real database and in memory, write by write, and the same again', async () => {
    const lives = ['--from', '1', '--seeds', '60']
    const real = await play([...lives, '--url', inject('servers').MONGODB_URL ?? ''])
    expect(real.printed).toMatch(/60 lives played .* every rule held/)
    const inMemory = [await play(lives), await play(lives)]
    expect(inMemory.map(digestOf)).toEqual([digestOf(real), digestOf(real)])
  }, 300_000)
})

describe('a planted bug', () => {
  test.each(mutations)('"$name" still applies: its source exists once', async ({ patches }) => {
    for (const { file, find } of patches)
      expect((await readFile(join(root, file), 'utf8')).split(find)).toHaveLength(2)
  })

  /** The rare ones are looked for by `npm run test:model -- --mutations`. */
  test.each(mutations.filter(({ isRare }) => !isRare))(
    '"$name" is found, and the rule that it breaks is named',
    async ({ name }) => {
      const { code, printed } = await play(['--from', '1', '--seeds', '600'], name)
      expect(code, printed).toBe(1)
      expect(printed).toMatch(/^seed \d+: [a-z ]+: /m)
    },
    300_000,
  )
})

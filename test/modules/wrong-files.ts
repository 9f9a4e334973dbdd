import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'

type Run = (file: string) => Promise<unknown>

/** Expects that a module refuses for good, and says why, a file that is not what its name says. */
export async function expectRefusals(folder: string, extension: string, run: Run): Promise<void> {
  const contents = { text: 'This is only a text.\n'.repeat(100), nothing: '' }
  for (const [name, content] of Object.entries(contents)) {
    const file = join(folder, `${name}.${extension}`)
    await writeFile(file, content)
    expect(await run(file), name).toMatchObject({
      error: { type: 'InvalidInput', message: expect.stringMatching(/^th.{10,100}$/), retry_possible: false },
    })
  }
}

import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ifExists } from '@millrace/std/fs'
import { z } from 'zod'
import type { RunStep } from '../steps/run-step.ts'

const question = `
import importlib.metadata, json
found = list(importlib.metadata.distributions())
print(json.dumps({
    "status": "success",
    "packages": sorted({f"{one.metadata['Name']}=={one.version}" for one in found}, key=str.lower),
    "elsewhere": any(one.read_text("direct_url.json") for one in found),
}))
`
const Answer = z.object({ packages: z.array(z.string()), elsewhere: z.boolean() })

/**
 * Records the packages of an environment, so that a rebuilt one has the same packages even if newer versions were published
 * meanwhile. Options such as an index stay in front. A package that does not come from an index has no version to look up:
 * then no lock is written.
 */
export async function writeLock(o: {
  python: string
  env: Record<string, string>
  requirements: readonly string[]
  file: string
  run: RunStep
}): Promise<void> {
  const end = await o.run({
    command: o.python,
    args: ['-I', '-c', question],
    cwd: dirname(o.python),
    env: o.env,
    timeoutSeconds: 60,
  })
  const said = Answer.safeParse(JSON.parse(end.lastJsonLine ?? 'null'))
  if (!said.success || said.data.elsewhere) return
  const isIncluded = /^(?:-[rc]|--(?:requirement|constraint))/
  const options = o.requirements.filter((line) => /^--?[a-z]/.test(line) && !isIncluded.test(line))
  await mkdir(dirname(o.file), { recursive: true })
  await writeFile(o.file, `${[...options, ...said.data.packages].join('\n')}\n`)
}

export const hasLock = async (file: string): Promise<boolean> => (await ifExists(stat(file))) !== null

import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type GoToolchain, go } from './go-toolchain.ts'
import { executable } from './platform.ts'
import type { Work } from './source.ts'

const program = fileURLToPath(new URL('../../versitygw', import.meta.url))
const library = join('vendor', 'github.com', 'versity', 'versitygw')

/** Files with clients that Millrace never uses; stubs replace them. They are a quarter of the compile time. */
const leftOut: Record<string, string[]> = {
  auth: ['iam_vault.go', 'iam_ldap.go', 'iam_standalone.go', 'iam_s3_object.go'],
  s3event: ['kafka.go', 'nats.go', 'rabbitmq.go'],
  metrics: ['dogstats.go'],
}

/** Version and content of the sources, so that a change to them compiles again. */
export async function versitygwKey(): Promise<string> {
  const digest = createHash('sha256')
  const entries = await readdir(program, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(({ name }) => /(?<!_test)\.go$|^go\.(mod|sum)$/.test(name))
    .map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort()) digest.update(await readFile(file))
  return `versitygw-1.8.0-${digest.digest('hex').slice(0, 12)}`
}

/** Compiles our own small `main` over versitygw's packages. `go.sum` pins every source. */
export async function buildVersitygw(toolchain: GoToolchain, into: string, work: Work): Promise<void> {
  const sources = join(work.scratch, 'sources')
  await cp(program, sources, { recursive: true })
  work.progress({ doing: 'fetching sources' })
  await go(toolchain, ['mod', 'vendor'], { cwd: sources }, work)
  for (const [folder, files] of Object.entries(leftOut)) {
    for (const file of files) await rm(join(sources, library, folder, file))
    await cp(join(sources, 'left-out', folder, 'left_out.go'), join(sources, library, folder, 'left_out.go'))
  }
  await rm(join(sources, 'left-out'), { recursive: true })

  const tags = ['-tags', 'leftout']
  const listed = await go(toolchain, ['list', ...tags, '-deps', '.'], { cwd: sources }, work)
  const total = listed.trim().split('\n').length
  let done = 0
  await mkdir(into)
  const parameters = ['build', '-v', ...tags, '-trimpath', '-buildvcs=false', '-ldflags=-s -w']
  await go(
    toolchain,
    [...parameters, '-o', join(into, executable('versitygw')), '.'],
    {
      cwd: sources,
      onLine: () => work.progress({ doing: `compiling ${total} packages`, amount: `${++done}` }),
    },
    work,
  )
}

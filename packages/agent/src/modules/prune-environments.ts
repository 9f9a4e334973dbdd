import { readdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ifExists } from '@millrace/std/fs'
import type { CatalogueState } from './catalogue-state.ts'
import { snapshotFolder } from './install-outcome.ts'
import type { RunnableModule } from './known-module.ts'

export type Keeping = {
  /** How many days to keep an environment that no module needs: a reverted change reuses it. */
  unusedDays: number
  /** Below this free space, no unused environment is kept. */
  minFreeBytes: number
}

const dayMs = 24 * 3600 * 1000
/** Written into an environment when the agent first sees it unused. */
const unusedMarker = '.unused'

/**
 * Removes copies and environments that no module needs, and partial ones that a crash left. Runs only while no module is
 * being installed or tested; `inUse` lists modules that may run although they are not among the contents that passed.
 */
export async function pruneUnused(
  home: string,
  memory: CatalogueState,
  keeping: Keeping,
  inUse: readonly RunnableModule[] = [],
): Promise<void> {
  const good = Object.values(memory.folders).flatMap((folder) => folder.good)
  const outcomes = Object.values(memory.folders).flatMap(({ outcome }) => outcome ?? [])
  const snapshots = [...good, ...inUse].map(({ name, digest }) =>
    basename(snapshotFolder(home, name, digest)),
  )
  const envs = [
    ...[...good.map((one) => one.outcome), ...outcomes].map(({ envDir }) => basename(envDir ?? '')),
    ...inUse.map(({ python }) => basename(dirname(dirname(python)))),
  ]
  for (const name of await namesIn(join(home, 'tests'))) await remove(join(home, 'tests', name))
  for (const name of await namesIn(join(home, 'modules')))
    if (!snapshots.includes(name)) await remove(join(home, 'modules', name))
  await pruneEnvironments(join(home, 'envs'), new Set(envs), keeping)
}

async function pruneEnvironments(folder: string, used: ReadonlySet<string>, keeping: Keeping): Promise<void> {
  for (const name of await namesIn(folder)) {
    const env = join(folder, name)
    const marker = join(env, unusedMarker)
    if (used.has(name)) await rm(marker, { force: true })
    else if (name.endsWith('.new') || (await isLow(folder, keeping))) await remove(env)
    else if ((await unusedMs(marker)) >= keeping.unusedDays * dayMs) await remove(env)
  }
}

/** How long an environment has been unused, in milliseconds. The first call starts the count. */
async function unusedMs(marker: string): Promise<number> {
  const noticed = await ifExists(stat(marker))
  if (noticed) return Date.now() - noticed.mtimeMs
  await writeFile(marker, '')
  return 0
}

/** Whether free space is so low that unused environments must go. */
export async function isLow(folder: string, { minFreeBytes }: Keeping): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize < minFreeBytes
}

/** On Windows a loaded library may lock a file; the next start retries. */
const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 2 })

const namesIn = async (folder: string): Promise<string[]> => (await ifExists(readdir(folder))) ?? []

import { readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Memory } from './memory.ts'
import { snapshotFolder } from './remembered.ts'

/**
 * Removes copies and environments that no module needs any more, and what a crash left half-made. Only at
 * the agent's start: nothing of an earlier life runs any more then, and nothing of this one does yet.
 */
export async function sweepUnused(home: string, memory: Memory): Promise<void> {
  const good = Object.values(memory.folders).flatMap((folder) => folder.good)
  const outcomes = Object.values(memory.folders).flatMap(({ outcome }) => outcome ?? [])
  const snapshots = good.map(({ name, digest }) => basename(snapshotFolder(home, name, digest)))
  const envs = [...good.map((one) => one.outcome), ...outcomes].map(({ envDir }) => basename(envDir ?? ''))
  await removeOthers(join(home, 'modules'), new Set(snapshots))
  await removeOthers(join(home, 'envs'), new Set(envs))
  await removeOthers(join(home, 'tests'), new Set())
}

async function removeOthers(folder: string, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(folder)) {
    // On Windows a library that is loaded elsewhere may hold a file: the next start tries again.
    if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true, maxRetries: 2 })
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

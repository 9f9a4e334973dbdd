import { setTimeout as delay } from 'node:timers/promises'
import { processTree, signalAll, type Tree } from './process-tree.ts'

/** Ends the processes that a module left running when it exited; resolves when none is left. */
export async function endProcessTree(
  tree: Tree,
  graceMs: number,
  look: (ids: readonly number[]) => void,
): Promise<void> {
  let left = processTree(tree)
  if (left.length === 0) return
  look(left)
  // Windows has no signal that requests an end.
  if (tree.job) tree.job.end()
  else signalAll(left, 'SIGTERM')
  const killAt = performance.now() + graceMs
  for (let pause = 2; ; pause = Math.min(pause * 2, 100)) {
    await delay(pause)
    left = processTree(tree)
    if (left.length === 0) return
    if (performance.now() < killAt) continue
    look(left)
    signalAll(left, 'SIGKILL')
  }
}

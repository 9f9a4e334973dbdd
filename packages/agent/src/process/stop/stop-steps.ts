import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process'
import { processTree, signalAll, type Tree } from './process-tree.ts'

/**
 * The steps of a stop, each harder than the one before: sends a request if the process reads any; closes its input and
 * terminates; kills. Each reaches the whole tree. Windows has no signal that requests an end: there the cancel line and
 * the end of input are the only warning, and a process without input is ended at once.
 */
export function stopSteps(
  child: ChildProcessWithoutNullStreams,
  tree: () => Tree,
  ask: (() => void) | null,
  /** Inspects the processes before they are ended. */
  look: (ids: readonly number[]) => void = () => undefined,
): (() => void)[] {
  const endInput = () => void child.stdin.end()
  if (process.platform === 'win32') {
    const kill = () => endTreeOnWindows(child, tree())
    const warning = child.stdin.writableEnded ? [] : [endInput]
    return [...(ask ? [ask] : []), ...warning, kill]
  }
  const signal = (how: 'SIGTERM' | 'SIGKILL') => {
    const left = processTree(tree())
    look(left)
    signalAll(left, how)
  }
  return [
    ...(ask ? [ask] : []),
    () => {
      endInput()
      signal('SIGTERM')
    },
    () => signal('SIGKILL'),
  ]
}

/** First by parents, while these exist, then by the job: each finds processes that the other may miss (see job-object.ts). */
function endTreeOnWindows(child: ChildProcessWithoutNullStreams, { group, job }: Tree): void {
  execFile('taskkill', ['/pid', String(group), '/T', '/F'], { windowsHide: true }, (error) => {
    if (job) job.end()
    else if (error) child.kill('SIGKILL')
  })
}

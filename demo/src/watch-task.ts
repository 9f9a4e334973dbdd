import { setTimeout as pause } from 'node:timers/promises'
import { type Client, isTerminal, type RunId, type Task } from '@millrace/client'
import { detail, step } from './say.ts'

const pollMs = 100

/** Shows state, progress and log lines of a task as they come, until it has ended. */
export async function watchTask(client: Client, task: Task, signal: AbortSignal): Promise<Task> {
  let status = ''
  let following: { run: RunId; done: Promise<void> } | undefined
  let now = task
  for (;;) {
    if (now.status !== status) {
      step(
        `Task ${now.id} ${now.status === 'succeeded' ? 'has' : 'is'} ${now.status}${now.attempt > 1 ? ` (attempt ${now.attempt})` : ''}`,
      )
    }
    status = now.status
    if (isTerminal(now.status)) break
    if (now.currentRun && now.currentRun !== following?.run) {
      following = { run: now.currentRun, done: showRun(client, now.currentRun, signal) }
    }
    await pause(pollMs, undefined, { signal })
    now = await client.task(now.id)
    // What the run said comes before how it ended.
    if (isTerminal(now.status)) await following?.done
  }
  return now
}

async function showRun(client: Client, run: RunId, signal: AbortSignal): Promise<void> {
  for await (const event of client.follow(run, signal)) {
    if ('progress' in event)
      detail(`${String(event.progress.percent ?? '?').padStart(3)} % ${event.progress.message ?? ''}`)
    else if (!event.line.line.startsWith('{"event": "progress"'))
      detail(`${event.line.stream === 'stderr' ? '!' : '|'} ${event.line.line}`)
  }
}

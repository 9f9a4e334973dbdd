import { setTimeout as pause } from 'node:timers/promises'
import { type Client, isTerminal, type RunId, type Task } from '@millrace/client'
import { detail, step } from './say.ts'

const pollMs = 100

/** Shows state, progress and log lines of a task as they come, until it has ended. */
export async function watchTask(client: Client, task: Task, signal: AbortSignal): Promise<Task> {
  let status = ''
  let progress = ''
  let following: { run: RunId; done: Promise<void> } | undefined
  let now = task
  for (;;) {
    if (now.status !== status)
      step(`Task ${now.id} is ${now.status}${now.attempt > 1 ? ` (attempt ${now.attempt})` : ''}`)
    status = now.status
    const reached = now.progress ? `${now.progress.percent ?? '?'} % ${now.progress.message ?? ''}` : ''
    if (reached && reached !== progress) detail(reached)
    progress = reached || progress
    if (now.currentRun && now.currentRun !== following?.run) {
      following = { run: now.currentRun, done: showLines(client, now.currentRun, signal) }
    }
    if (isTerminal(now.status)) break
    await pause(pollMs, undefined, { signal })
    now = await client.task(now.id)
  }
  await following?.done
  return now
}

async function showLines(client: Client, run: RunId, signal: AbortSignal): Promise<void> {
  for await (const { stream, line } of client.followLog(run, signal))
    detail(`${stream === 'stderr' ? '!' : '|'} ${line}`)
}

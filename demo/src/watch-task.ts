import { setTimeout as delay } from 'node:timers/promises'
import { type Client, isTerminal, type RunId, type Task } from '@millrace/client'
import type { DemoLog } from './log.ts'

const pollMs = 100

/** Shows state and progress of a task until it has ended. */
export async function watchTask(
  client: Client,
  task: Task,
  log: DemoLog,
  signal: AbortSignal,
): Promise<Task> {
  const began = Date.now()
  const step = `Task ${task.id}`
  let following: { run: RunId; done: Promise<void> } | undefined
  let now = task
  while (!isTerminal(now.status)) {
    log.report({ step, state: 'running', text: now.status, amount: progressOf(now) })
    if (now.currentRun && now.currentRun !== following?.run)
      following = { run: now.currentRun, done: keepLines(client, now.currentRun, log, signal) }
    await delay(pollMs, undefined, { signal })
    now = await client.task(now.id)
  }
  await following?.done
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  const state = now.status === 'succeeded' ? 'done' : 'failed'
  log.report({ step, state, text: `${now.status} after ${seconds} s` })
  return now
}

const progressOf = ({ progress }: Task): string | undefined =>
  progress ? `${progress.percent ?? '?'} % ${progress.message ?? ''}`.trim() : undefined

/** What the run prints goes to the file. */
async function keepLines(client: Client, run: RunId, log: DemoLog, signal: AbortSignal): Promise<void> {
  for await (const event of client.follow(run, signal))
    log.detail('line' in event ? `${run}: ${event.line.line}` : `${run}: ${JSON.stringify(event.progress)}`)
}

import { isTerminal, runIdOf, type TaskId, taskEvent } from '@millrace/shared'
import { type SSEStreamingApi, streamSSE } from 'hono/streaming'
import type { Deps } from '../deps.ts'
import type { Ctx } from '../http/env.ts'
import { idOfPlace, type Place, placeOf, statesBeyond } from '../http/place-in-events.ts'
import { settle } from '../operations/settle.ts'
import { presentTask } from '../respond/task.ts'
import type { TaskDoc } from '../store/documents/task.ts'
import { linesOf } from './run-log.ts'

const lookAgainMs = 15_000

/**
 * States, progress and lines of all attempts of a task, as they come, until it has ended. Who was cut off goes on
 * where he was; who comes back after the end is told, by 204, that there is nothing more.
 */
export function answerTaskEvents(deps: Deps, c: Ctx, task: TaskDoc): Response {
  const place = placeOf(c.req.header('last-event-id'))
  if (place.endOfRound === task.round && isTerminal(task.status)) return c.body(null, 204)
  c.header('X-Accel-Buffering', 'no')
  return streamSSE(c, async (stream) => {
    const gone = new AbortController()
    stream.onAbort(() => gone.abort())
    const comment = setInterval(() => void stream.write(': still here\n\n'), lookAgainMs)
    try {
      await new TaskEvents(deps, stream, task._id, { ...place, endOfRound: null }, gone.signal).tell()
    } catch (err) {
      // The connection ends without an end: the reader comes back, and goes on from the last event.
      deps.logger.warn({ err, task: task._id }, 'events of a task broke off')
    } finally {
      clearInterval(comment)
      gone.abort()
    }
  })
}

class TaskEvents {
  readonly #deps: Deps
  readonly #stream: SSEStreamingApi
  readonly #id: TaskId
  readonly #signal: AbortSignal
  #place: Place
  #wake = Promise.withResolvers<void>()

  constructor(deps: Deps, stream: SSEStreamingApi, id: TaskId, place: Place, signal: AbortSignal) {
    this.#deps = deps
    this.#stream = stream
    this.#id = id
    this.#place = place
    this.#signal = signal
  }

  async tell(): Promise<void> {
    const stopListening = this.#deps.bus.listen([taskEvent(this.#id)], () => this.#wake.resolve())
    const again = setInterval(() => this.#wake.resolve(), lookAgainMs)
    this.#signal.addEventListener('abort', () => this.#wake.resolve(), { once: true })
    try {
      while (!this.#signal.aborted) {
        const next = Promise.withResolvers<void>()
        this.#wake = next
        const task = await this.#read()
        if (!task) return
        await this.#states(task)
        await this.#pastLines(task)
        if (isTerminal(task.status)) return await this.#end(task)
        const over = new AbortController()
        const live = task.status === 'running' ? this.#liveLines(task, over.signal) : Promise.resolve()
        await next.promise
        over.abort()
        await live
      }
    } finally {
      clearInterval(again)
      stopListening()
    }
  }

  /** As the next reader would see it: outputs are there when it has succeeded. */
  async #read(): Promise<TaskDoc | null> {
    const task = await this.#deps.store.tasks.get(this.#id)
    return task && isTerminal(task.status) ? settle(this.#deps, task) : task
  }

  async #states(task: TaskDoc): Promise<void> {
    for (const { entry, place } of statesBeyond(task.history, this.#place)) {
      this.#place = { ...this.#place, ...place }
      const runId = entry.status === 'blocked' ? null : runIdOf(task._id, entry.attempt)
      await this.#send('state', {
        taskId: task._id,
        status: entry.status,
        attempt: entry.attempt,
        runId,
        at: entry.at.toISOString(),
      })
    }
  }

  /** What the attempts that are over have said, and of the one that is going what it has said so far. */
  async #pastLines(task: TaskDoc): Promise<void> {
    const last = task.currentRun ? task.attempt : task.attempt - 1
    while (!this.#signal.aborted && this.#place.attempt <= last) {
      const run = await this.#deps.store.runs.get(runIdOf(task._id, this.#place.attempt))
      const isGoing = this.#place.attempt === task.attempt && !isTerminal(task.status)
      if (isGoing) return
      if (run?.startedAt) await this.#lines(run._id, await linesOf(this.#deps, run))
      if (this.#place.attempt === last) return
      this.#place = { ...this.#place, attempt: this.#place.attempt + 1, line: 0 }
    }
  }

  /** Without NATS there are none now; when the run is over they come from where it left them. */
  async #liveLines(task: TaskDoc, over: AbortSignal): Promise<void> {
    const run = task.currentRun
    if (!run) return
    const signal = AbortSignal.any([over, this.#signal])
    try {
      for await (const batch of this.#deps.bus.logs(run, { follow: true, signal })) {
        await this.#lines(run, batch.lines)
        if (batch.progress)
          await this.#send('progress', {
            runId: run,
            ...batch.progress,
            at: this.#deps.clock.now().toISOString(),
          })
      }
    } catch (err) {
      this.#deps.logger.info({ err, run }, 'no live lines for now')
    }
  }

  async #lines(run: string, lines: readonly { n: number }[]): Promise<void> {
    for (const line of lines) {
      if (line.n <= this.#place.line) continue
      this.#place = { ...this.#place, line: line.n }
      await this.#send('log', { runId: run, ...line })
    }
  }

  async #end(task: TaskDoc): Promise<void> {
    this.#place = { ...this.#place, endOfRound: task.round }
    await this.#send('end', { task: presentTask(task) })
  }

  /** Waits while the reader is slow: nothing is piled up for him here. */
  async #send(event: string, data: object): Promise<void> {
    if (this.#signal.aborted) return
    await this.#stream.writeSSE({ event, id: idOfPlace(this.#place), data: JSON.stringify(data) })
  }
}

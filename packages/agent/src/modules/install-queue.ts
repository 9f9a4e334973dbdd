/** Runs one job at a time, in order; each has a key. */
export type InstallQueue = {
  /** Queues a job unless one with the same key waits or runs. */
  add(key: string): void
  /** Removes a job from the queue, or cancels it if it runs. */
  drop(key: string): void
  /** Cancels the running job and waits for its end. */
  close(): Promise<void>
}

export function openInstallQueue(work: (key: string, signal: AbortSignal) => Promise<void>): InstallQueue {
  let waiting: string[] = []
  let current: { key: string; controller: AbortController } | null = null
  let closed = false
  let idle: Promise<void> = Promise.resolve()

  const run = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      current = { key, controller: new AbortController() }
      try {
        await work(key, current.controller.signal)
      } finally {
        current = null
      }
    }
  }

  return {
    add(key) {
      if (closed || waiting.includes(key)) return
      if (current?.key === key && !current.controller.signal.aborted) return
      waiting.push(key)
      if (!current && waiting.length === 1) idle = idle.then(run)
    },
    drop(key) {
      waiting = waiting.filter((other) => other !== key)
      if (current?.key === key) current.controller.abort()
    },
    async close() {
      closed = true
      waiting = []
      current?.controller.abort()
      await idle
    },
  }
}

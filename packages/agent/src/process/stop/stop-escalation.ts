/** A stop under way. */
export type StopEscalation = {
  /** Shortens every further step to at most this time. */
  hurry(graceMs: number): void
  /** The process has gone: takes no further step. */
  end(): void
}

/** Takes the first step at once, and each harder one after another grace, until `end`. */
export function startEscalation(steps: readonly (() => void)[], graceMs: number): StopEscalation {
  let grace = graceMs
  let next = 0
  let timer: NodeJS.Timeout | undefined
  let dueAt = 0

  const wait = (ms: number) => {
    clearTimeout(timer)
    dueAt = performance.now() + ms
    timer = setTimeout(take, ms)
  }
  const take = () => {
    steps[next]?.()
    next += 1
    if (next < steps.length) wait(grace)
  }
  take()

  return {
    hurry(shorter) {
      grace = Math.min(grace, shorter)
      if (next < steps.length) wait(Math.max(0, Math.min(dueAt - performance.now(), grace)))
    },
    end() {
      clearTimeout(timer)
      next = steps.length
    },
  }
}

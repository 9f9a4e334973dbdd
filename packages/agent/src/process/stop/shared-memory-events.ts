import { type FSWatcher, watch } from 'node:fs'

/** Limits the checks for a program that creates a thousand segments a second. */
const everyMs = 250

const listeners = new Set<() => void>()
let watcher: FSWatcher | null = null
let timer: NodeJS.Timeout | null = null
let isAgain = false

/** Calls the listener when shared memory appears on this machine, and again if more has appeared. Returns how to unsubscribe. */
export function onNewSharedMemory(listener: () => void): () => void {
  listeners.add(listener)
  watcher ??= begin()
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    watcher?.close()
    watcher = null
    if (timer) clearTimeout(timer)
    timer = null
  }
}

function begin(): FSWatcher | null {
  try {
    const begun = watch('/dev/shm', { persistent: false }, (event) => {
      // Content changes all the time; names change rarely.
      if (event === 'rename') tell()
    })
    begun.on('error', () => undefined)
    return begun
  } catch {
    return null // no such folder, or no watches left: the agent then checks only before a stop
  }
}

/** Notifies again a little later, because the process that made a segment may not have been known yet. */
function tell(): void {
  if (timer) {
    isAgain = true
    return
  }
  for (const listener of listeners) listener()
  timer = setTimeout(() => {
    timer = null
    const isMore = isAgain
    isAgain = false
    if (isMore) tell()
    else for (const listener of listeners) listener()
  }, everyMs).unref()
}

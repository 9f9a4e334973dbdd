/**
 * Collects garbage earlier than V8 would. It needs `--expose-gc`, which services and `npm start` set; without it the agent
 * uses some tens of megabytes more.
 */
const collect = globalThis.gc

const oftenBytes = 16 * 1024 * 1024
/** One in this number of collections is full, since objects that survive a young collection live long. */
const wholeEach = 8
let readBytes = 0
let collections = 0

/** V8 accumulates 64 MB of dead buffers and as much of short-lived lines; in a flood that is most of the agent's memory. */
export function collectWhatWasRead(bytes: number): void {
  readBytes += bytes
  if (readBytes < oftenBytes) return
  readBytes = 0
  collections += 1
  collect?.({ type: collections % wholeEach === 0 ? 'major' : 'minor' })
}

const startedMs = 10_000

/** Frees the memory that only the start needed. */
export function collectAfterStart(): void {
  setTimeout(() => collect?.({ type: 'major', flavor: 'last-resort' }), startedMs).unref()
}

/**
 * Collects garbage where V8 would wait too long for it. Without `--expose-gc`, which services and `npm start` give,
 * nothing happens here, and the agent takes some tens of megabytes more.
 */
const collect = globalThis.gc

const oftenBytes = 16 * 1024 * 1024
/** One in this number of collections is a full one: what a young collection keeps by chance lives long. */
const wholeEach = 8
let readBytes = 0
let collections = 0

/**
 * V8 lets 64 MB of buffers pile up that were read and are dead, and as much of lines that were held for a moment: in a
 * flood that is most of what the agent holds.
 */
export function collectWhatWasRead(bytes: number): void {
  readBytes += bytes
  if (readBytes < oftenBytes) return
  readBytes = 0
  collections += 1
  collect?.({ type: collections % wholeEach === 0 ? 'major' : 'minor' })
}

const startedMs = 10_000

/** What only the start needed goes once that is over. */
export function collectAfterStart(): void {
  setTimeout(() => collect?.({ type: 'major', flavor: 'last-resort' }), startedMs).unref()
}

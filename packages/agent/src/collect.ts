/**
 * Collects garbage where V8 would wait too long for it. Without `--expose-gc`, which services and `npm start` give,
 * nothing happens here, and the agent takes some tens of megabytes more.
 */
const collect = globalThis.gc

const oftenBytes = 16 * 1024 * 1024
let readBytes = 0

/** V8 lets 64 MB of buffers pile up that were read and are dead: in a flood that is most of what the agent holds. */
export function collectWhatWasRead(bytes: number): void {
  readBytes += bytes
  if (readBytes < oftenBytes) return
  readBytes = 0
  collect?.({ type: 'minor' })
}

const startedMs = 10_000

/** What only the start needed goes once that is over. */
export function collectAfterStart(): void {
  setTimeout(() => collect?.(), startedMs).unref()
}

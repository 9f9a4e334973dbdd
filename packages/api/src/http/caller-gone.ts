import type { Ctx } from './env.ts'

const lookAgainMs = 15_000

/** Calls back when the key or grant of an open stream becomes invalid. Call the returned function when the stream ends. */
export function watchCaller(c: Ctx, onGone: () => void, everyMs = lookAgainMs): () => void {
  const { stillAllowed, logger } = c.var
  const look = async () => {
    try {
      if (await stillAllowed()) return
      logger.info('the key of an open stream is no longer valid; stream closed')
      onGone()
    } catch (err) {
      logger.debug({ err }, 'checking the key of an open stream failed; retrying')
    }
  }
  const timer = setInterval(() => void look(), everyMs)
  return () => clearInterval(timer)
}

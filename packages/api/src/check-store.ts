import { setTimeout as sleep } from 'node:timers/promises'
import { newIds } from './ids.ts'
import { findForged } from './objects/forged-requests.ts'
import type { ObjectsConfig } from './objects/objects.ts'
import { isOnLoopback, judgeStore, type Verdict } from './objects/store-verdict.ts'
import { delaySeconds } from './operations/task/backoff.ts'
import type { Ports } from './ports.ts'

/** The findings about the object store so far. */
export type StoreSafety = { storeSafety: { state: string } }
type Needed = StoreSafety & Pick<Ports, 'logger' | 'random'>
type StoreConfig = ObjectsConfig & { mayBeUnsafe: boolean }
/** Must end the process. */
type Refuse = (message: string) => void
export type StoreCheck = {
  /** Resolves at once if the store is on loopback, else after the verdict, or soon after an attempt has failed. */
  mayServe: Promise<void>
  stop(): Promise<void>
}

const attemptWithinMs = 60_000
const waitAfterFailureMs = 10_000
const stopWithinMs = 1_000
const backoff = { initialSeconds: 1, factor: 2, maxSeconds: 60 }

/** Checks the store once per process, retrying until it has a verdict. */
export function checkStore(ports: Needed, config: StoreConfig, refuse: Refuse): StoreCheck {
  const life = new AbortController()
  const failed = Promise.withResolvers<void>()
  const ended = untilJudged(ports, config, { signal: life.signal, refuse, failed: failed.resolve })
  const isOnlyHere = [config.endpoint, config.publicEndpoint].every(isOnLoopback)
  // Without the store the API still accepts tasks, so wait only briefly.
  const longEnough = failed.promise.then(() => atMost(waitAfterFailureMs, ended))
  return {
    mayServe: isOnlyHere ? Promise.resolve() : Promise.race([ended, longEnough]),
    async stop() {
      life.abort()
      await atMost(stopWithinMs, ended)
    },
  }
}

async function untilJudged(
  ports: Needed,
  config: StoreConfig,
  { signal, refuse, failed }: { signal: AbortSignal; refuse: Refuse; failed(): void },
): Promise<void> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      const verdict = await judge(ports, config)
      ports.storeSafety.state = verdict.state
      if (verdict.kind === 'refuse') refuse(verdict.message)
      return
    } catch (err) {
      const reason = err instanceof Error ? err.message.slice(0, 200) : 'failed'
      ports.storeSafety.state = `checking: ${reason}`
      ports.logger.warn({ err }, 'checking the object store failed; retrying')
      failed()
    }
    const seconds = delaySeconds(backoff, failures, ports.random())
    await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined) // an abort ends the loop
  }
}

async function judge(ports: Needed, config: StoreConfig): Promise<Verdict> {
  const tooLate = sleep(attemptWithinMs, null, { ref: false })
  const findings = await Promise.race([findForged(config, newIds.data()), tooLate])
  if (!findings) throw new Error(`the store gave no answer within ${attemptWithinMs / 1000} s`)
  for (const { endpoint, unchecked } of findings)
    if (unchecked)
      ports.logger.warn({ endpoint, reason: unchecked }, 'S3_PUBLIC_ENDPOINT could not be checked')
  const verdict = judgeStore(findings, config.mayBeUnsafe)
  if (verdict.kind === 'warn')
    ports.logger.warn(
      { findings },
      'THE OBJECT STORE ACCEPTS FORGED REQUESTS: anyone who can reach it can overwrite files; see docs/security.md',
    )
  return verdict
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const timer = new AbortController()
  await Promise.race([work, sleep(ms, undefined, { signal: timer.signal })])
  timer.abort()
}

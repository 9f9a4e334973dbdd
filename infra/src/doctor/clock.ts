import type { Settings } from '../supervise/settings.ts'
import { type Check, fine, problem } from './check.ts'

/** The tolerated difference; the `Date` header has whole seconds. */
const mostSeconds = 3

/** Compares this machine's clock with those of the API and of the object store, if they answer. */
export function clockChecks({ env, url }: Settings): Check[] {
  const others: [string, string | undefined][] = [
    ['the API', env.MILLRACE_URL || url],
    ['the object store', env.S3_ENDPOINT],
  ]
  return others.map(
    ([name, address]) =>
      () =>
        compare(name, address),
  )
}

async function compare(name: string, address: string | undefined) {
  const answer =
    address && (await fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(5000) }).catch(() => null))
  const theirs = answer && Date.parse(answer.headers.get('date') ?? '')
  if (!theirs) return []
  const seconds = Math.round((Date.now() - theirs) / 1000)
  const what = `clock and ${name}`
  if (Math.abs(seconds) <= mostSeconds) return fine(what, 'agree')
  return problem(
    what,
    `this machine is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`,
    'let the system set its clock: timedatectl set-ntp true; on Windows, w32tm /resync',
  )
}

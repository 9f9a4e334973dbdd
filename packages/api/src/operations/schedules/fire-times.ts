import { Cron } from 'croner'

export type Timing = { cron: string | null; everySeconds: number | null; timezone: string; anchor: Date }

/**
 * The first fire time after `after`; `null`: never. Where a clock jumps forward over a time of day, cron fires right
 * after the jump; a time of day that comes twice fires at the first.
 */
export function nextFireTime(timing: Timing, after: Date): Date | null {
  if (timing.everySeconds !== null) return nextInterval(timing.anchor, timing.everySeconds * 1000, after)
  return timing.cron === null ? null : parse(timing.cron, timing.timezone).nextRun(after)
}

export function nextFireTimes(timing: Timing, after: Date, count: number): Date[] {
  const times: Date[] = []
  for (
    let next = nextFireTime(timing, after);
    next && times.length < count;
    next = nextFireTime(timing, next)
  )
    times.push(next)
  return times
}

/** What is wrong with a timing, and where; `null` when it will fire. */
export function faultOfTiming(timing: Timing, now: Date): { path: string; message: string } | null {
  const { cron, everySeconds, timezone } = timing
  if ((cron === null) === (everySeconds === null))
    return { path: cron === null ? '' : '/cron', message: 'must have either cron or everySeconds' }
  if (!isTimezone(timezone))
    return { path: '/timezone', message: `"${timezone}" is no IANA time zone such as Europe/Berlin` }
  try {
    return nextFireTime(timing, now) ? null : { path: '/cron', message: 'names a time that never comes' }
  } catch (error) {
    return { path: '/cron', message: error instanceof Error ? error.message : String(error) }
  }
}

const parse = (cron: string, timezone: string): Cron => new Cron(cron, { timezone, mode: '5-part' })

function nextInterval(anchor: Date, everyMs: number, after: Date): Date {
  const passed = Math.floor((after.getTime() - anchor.getTime()) / everyMs)
  return new Date(anchor.getTime() + Math.max(1, passed + 1) * everyMs)
}

function isTimezone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

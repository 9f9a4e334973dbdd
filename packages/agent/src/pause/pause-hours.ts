const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** The owner's hours of a week; times are minutes of a local day. */
export type PauseHours = { days: ReadonlySet<number>; from: number; to: number }[]

/**
 * Parses `Mon-Fri 18:00-23:30, Sat 10:00-02:00`. Hours that end before they begin continue into the next day. Throws an
 * error with the fault.
 */
export function parsePauseHours(text: string): PauseHours {
  return text
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, first = '', last = '', from = '', to = ''] =
        /^(?:([a-z]{3})(?:-([a-z]{3}))?\s+)?(\d\d?:\d\d)\s*-\s*(\d\d?:\d\d)$/i.exec(part) ?? []
      if (from === '') throw new Error(`"${part}" is not like "Mon-Fri 18:00-23:30"`)
      return { days: daysFrom(first, last), from: minutesOf(from), to: minutesOf(to) }
    })
}

/** The end of the current hours; `null` outside all hours. */
export function pausedUntil(hours: PauseHours, now: Date): Date | null {
  const minute = now.getHours() * 60 + now.getMinutes()
  const today = now.getDay()
  const yesterday = (today + 6) % 7
  let end: Date | null = null
  for (const { days, from, to } of hours) {
    const overnight = to <= from
    const began = days.has(today) && minute >= from && (overnight || minute < to)
    const goesOn = overnight && days.has(yesterday) && minute < to
    if (!began && !goesOn) continue
    const at = new Date(now)
    at.setHours(0, to, 0, 0)
    if (began && overnight) at.setDate(at.getDate() + 1)
    if (end === null || at > end) end = at
  }
  return end
}

function daysFrom(first: string, last: string): Set<number> {
  if (first === '') return new Set([0, 1, 2, 3, 4, 5, 6])
  const from = dayOf(first)
  const to = last === '' ? from : dayOf(last)
  const chosen = new Set<number>()
  for (let day = from; ; day = (day + 1) % 7) {
    chosen.add(day)
    if (day === to) return chosen
  }
}

function dayOf(name: string): number {
  const day = days.indexOf(name.toLowerCase())
  if (day === -1) throw new Error(`"${name}" is no day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun`)
  return day
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  if (hours > 24 || minutes > 59 || hours * 60 + minutes > 24 * 60)
    throw new Error(`"${time}" is no time of a day`)
  return hours * 60 + minutes
}

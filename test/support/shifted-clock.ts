/** A clock that a test sets forward, so that what is due in a minute is due now. */
export function shiftedClock() {
  let shift = 0
  return {
    now: () => new Date(Date.now() + shift),
    forward(seconds: number) {
      shift += seconds * 1000
    },
    backToNow() {
      shift = 0
    },
  }
}

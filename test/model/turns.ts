import { setImmediate } from 'node:timers/promises'
import type { Random } from './random.ts'

type Call = { actor: number; perform(): Promise<void> }

/** Turns of the event loop after which a caller with an answer has made its next call, or none. */
const settled = 4

/**
 * Decides who comes next. Everything that touches the database waits here for its turn; one call is made at a time,
 * and the seed says which. So what happens between two calls of one operation is a choice, and the same again for
 * the same seed.
 */
export class Turns {
  #waiting: Call[] = []
  readonly #random: Random
  /** Some are slower than others: a process that hangs for a while meets a world that has moved on. */
  #slow = new Map<number, number>()

  /** In some lives every process keeps its pace, in others none does. */
  readonly #unsteady: number

  constructor(random: Random) {
    this.#random = random
    this.#unsteady = random.pick([0, 0, 0.1])
  }

  /** Makes the call when its turn has come. It never answers if the process died. */
  take<T>(actor: number, call: () => Promise<{ answer: T } | 'dead'>): Promise<T> {
    return new Promise((resolve, reject) => {
      const perform = () =>
        call().then((made) => {
          if (made !== 'dead') resolve(made.answer)
        }, reject)
      this.#waiting.push({ actor, perform })
    })
  }

  /** The next ones, at most this number; `false`: no call waits for a turn any more. */
  async play(most: number): Promise<boolean> {
    for (let made = 0; made < most; made += 1) {
      for (let turn = 0; turn < settled; turn += 1) await setImmediate()
      const next = this.#choose()
      if (!next) return false
      await next.perform()
    }
    return true
  }

  /** Those of an actor that is no more. */
  drop(isGone: (actor: number) => boolean): void {
    this.#waiting = this.#waiting.filter((call) => !isGone(call.actor))
  }

  #choose(): Call | undefined {
    if (this.#waiting.length === 0) return undefined
    const weights = this.#waiting.map((call) => this.#weightOf(call.actor))
    let left = this.#random.next() * weights.reduce((sum, weight) => sum + weight, 0)
    const at = weights.findIndex((weight) => {
      left -= weight
      return left < 0
    })
    const [chosen] = this.#waiting.splice(Math.max(0, at), 1)
    // Who was fast may hang from here on, in the middle of what he is at.
    if (chosen && this.#random.chance(this.#unsteady)) this.#slow.delete(chosen.actor)
    return chosen
  }

  #weightOf(actor: number): number {
    const known = this.#slow.get(actor)
    if (known !== undefined) return known
    const weight = this.#random.chance(0.3) ? 0.01 : 1
    this.#slow.set(actor, weight)
    return weight
  }
}

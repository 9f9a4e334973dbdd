/** A fact that several parts of the agent care about. Its listeners hear it at once, in the order in which they subscribed. */
export class Signal<Fact = void> {
  readonly #listeners: { name: string; hear(fact: Fact): void }[] = []

  /** `name` says which part listens, so that a test can hold the list of all against what is meant. */
  subscribe(name: string, hear: (fact: Fact) => void): void {
    this.#listeners.push({ name, hear })
  }

  emit(fact: Fact): void {
    for (const { hear } of this.#listeners) hear(fact)
  }

  get listeners(): string[] {
    return this.#listeners.map(({ name }) => name)
  }
}

/** An event between parts of the agent. It calls its listeners synchronously, in the order of their subscriptions. */
export class Signal<Fact = void> {
  readonly #listeners: { name: string; hear(fact: Fact): void }[] = []

  /** `name` is the part that listens, so that a test can verify the list of listeners. */
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

import type { Api } from './api.ts'
import type { DataId, PartUrls } from './contract.gen.ts'
import { sha256Of } from './put-bytes.ts'

type Address = PartUrls['parts'][number]
type Deps = {
  call: Api['call']
  id: DataId
  partOf(n: number): Blob
  /** The numbers of parts that have not begun. */
  ahead: readonly number[]
  checksums: boolean
}

const urlsAtOnce = 50

/** Where parts go: asked for in groups shortly before they are needed, since URLs do not live long. */
export class PartAddresses {
  readonly #known = new Map<number, Promise<Address>>()
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  of(n: number): Promise<Address> {
    return this.#known.get(n) ?? this.#ask(n)
  }

  forget(n: number): void {
    this.#known.delete(n)
  }

  #ask(n: number): Promise<Address> {
    const { checksums, ahead } = this.#deps
    // Hashing reads each part: with checksums none is read before its turn.
    const others = checksums ? [] : ahead.slice(0, urlsAtOnce - 1)
    const numbers = [n, ...others.filter((other) => other !== n && !this.#known.has(other))]
    const asked = this.#askFor(numbers)
    for (const number of numbers) {
      const one = asked.then((parts) => {
        const found = parts.find(({ partNumber }) => partNumber === number)
        if (!found) throw new Error(`no URL came for part ${number}`)
        return found
      })
      one.catch(() => this.#known.delete(number))
      this.#known.set(number, one)
    }
    return this.of(n)
  }

  async #askFor(numbers: readonly number[]): Promise<Address[]> {
    const { call, id, partOf, checksums } = this.#deps
    const parts = await Promise.all(
      numbers.map(async (partNumber) => ({
        partNumber,
        sha256: checksums ? await sha256Of(partOf(partNumber)) : undefined,
      })),
    )
    return (await call('POST /api/data/{id}/parts', { params: { id }, body: { parts } })).parts
  }
}

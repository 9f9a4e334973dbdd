/** A page of a list. `nextCursor` is the `cursor` of the next page, null on the last one. */
export type Page<Item> = { items: Item[]; nextCursor: string | null }

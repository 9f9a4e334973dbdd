import { z } from 'zod'

/** Query parameters of every list, newest first. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
})
export type PageQuery = z.infer<typeof PageQuery>

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })

export type Page<Item> = { items: Item[]; nextCursor: string | null }

export const Label = z.string().max(200)
export const Tags = z.array(z.string().min(1).max(64)).max(20)

/** `a,b,c` in a query: each must be one of the choices. */
export const commaList = <Choice extends z.ZodType<string>>(choice: Choice) =>
  z.preprocess((text) => (typeof text === 'string' ? text.split(',').filter(Boolean) : text), z.array(choice))

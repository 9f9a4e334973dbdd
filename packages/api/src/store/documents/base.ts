import { z } from 'zod'

/**
 * Values that users chose are kept as their JSON text, so that every depth, key and number comes back exactly as it
 * went in.
 */
export const JsonText = z.string()

/** Every document counts its writes: a compare-and-set names the one it has seen. */
export const doc = { rev: z.number().int() }

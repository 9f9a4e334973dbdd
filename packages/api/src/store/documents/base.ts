import { z } from 'zod'

/**
 * User values are stored as JSON text, so that every depth, key and number survives unchanged.
 */
export const JsonText = z.string()

/** Every document counts its writes: a compare-and-set names the revision that it read. */
export const doc = { rev: z.number().int() }

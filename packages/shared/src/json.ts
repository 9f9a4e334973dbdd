import { z } from 'zod'

/** Any JSON value, as users send and modules return it. */
export const Json = z.json()
export type Json = z.infer<typeof Json>

/** Size of a value as it travels: bytes of its UTF-8 JSON text. */
export const jsonBytes = (value: unknown): number =>
  new TextEncoder().encode(JSON.stringify(value) ?? '').length

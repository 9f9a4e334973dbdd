import { z } from 'zod'
import { doc, JsonText } from './base.ts'

/** Single documents that belong to the installation: settings, the tick's notes, the summary. */
export const MetaDoc = z.object({ _id: z.string(), ...doc, at: z.date(), json: JsonText })
export type MetaDoc = z.infer<typeof MetaDoc>

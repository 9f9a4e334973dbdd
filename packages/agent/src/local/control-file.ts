import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifExists } from '@millrace/std/fs'
import { z } from 'zod'

/** The address of a running agent and the token for commands: programs that can read this file may send them. */
export const Control = z.object({ pid: z.number().int(), url: z.url(), token: z.string() })
export type Control = z.infer<typeof Control>

export const controlFile = (home: string): string => join(home, 'control.json')

/** `null` when no agent runs in this home, by its folder. */
export async function readControl(home: string): Promise<Control | null> {
  const text = await ifExists(readFile(controlFile(home), 'utf8'))
  return text === null ? null : Control.parse(JSON.parse(text))
}

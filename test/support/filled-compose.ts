import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

export const composeFile = resolve(import.meta.dirname, '../../infra/compose.yaml')

/** The text of compose.yaml with its variables filled in: `${NAME:?message}` and `${NAME:-default}`. */
export async function filledCompose(env: Record<string, string>): Promise<string> {
  const text = await readFile(composeFile, 'utf8')
  return text.replaceAll(/\$\{(\w+):([?-])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    const value = env[name] || (kind === '-' ? rest : undefined)
    if (value === undefined) throw new Error(`compose.yaml: ${name} is missing`)
    return value
  })
}

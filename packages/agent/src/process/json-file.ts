import { readFile, stat } from 'node:fs/promises'
import { notNumbersFault, parsePythonJson } from './python-json.ts'

/** Larger files are believed: reading them would hold up the agent's other runs. */
const largestRead = 16 * 1024 * 1024

/** Says why a file is not JSON that everybody can read; `null` when it is. */
export async function faultOfJsonFile(path: string): Promise<string | null> {
  if ((await stat(path)).size > largestRead) return null
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
  const read = parsePythonJson(text)
  if (!read) return `is not valid JSON: ${parseError(text)}`
  return read.notNumbers.length === 0 ? null : notNumbersFault(read.notNumbers)
}

function parseError(text: string): string {
  try {
    JSON.parse(text)
    return 'it is nested too deep'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

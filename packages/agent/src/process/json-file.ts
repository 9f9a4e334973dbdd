import { readFile, stat } from 'node:fs/promises'
import { decodeText } from '../text/decode-text.ts'
import { readJson } from '../text/strict-json.ts'

/** Larger files are not checked: reading them would delay the agent's other runs. */
const largestRead = 16 * 1024 * 1024

/** Why a file is not JSON that every parser can read, or `null`. */
export async function faultOfJsonFile(path: string): Promise<string | null> {
  if ((await stat(path)).size > largestRead) return null
  const decoded = decodeText(await readFile(path))
  if ('fault' in decoded) return `is not valid JSON, which is UTF-8: it ${decoded.fault}`
  const { text } = decoded
  const read = readJson(text)
  if ('value' in read) return null
  return read.fault === 'is not valid JSON' ? `${read.fault}: ${parseError(text)}` : read.fault
}

function parseError(text: string): string {
  try {
    JSON.parse(text)
    return 'it is nested too deep'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

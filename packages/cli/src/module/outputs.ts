import type { Checked } from '@millrace/agent'
import { size } from './words.ts'

/** What a run returned, one line each: values as JSON, as much as fits, and files with size and type. */
export function linesOfOutputs(outputs: Checked['outputs'], columns: number): string[] {
  const widest = Math.max(0, ...Object.keys(outputs).map((key) => key.length))
  const room = Math.max(20, columns - widest - 5)
  return Object.entries(outputs).map(([key, output]) => {
    const text =
      'value' in output
        ? JSON.stringify(output.value)
        : output.files.map((file) => `${file.name} (${size(file.size)}, ${file.contentType})`).join(', ')
    return `  ${key.padEnd(widest)}  ${text.length > room ? `${text.slice(0, room - 1)}…` : text}`
  })
}

/** What the demo prints: a line per thing that happens, details indented below it. */
const start = Date.now()

export const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

export function step(line: string): void {
  const seconds = ((Date.now() - start) / 1000).toFixed(1).padStart(5)
  say(`[${seconds} s] ${line}`)
}

export const detail = (line: string): void => say(`          ${line}`)

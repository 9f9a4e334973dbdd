import { DataId, parseRunId, RunId } from '@millrace/shared'

/** The keys of objects in the bucket. Each upload URL has a separate key. */
export const incomingKey = (item: DataId, upload: number): string => `incoming/${item}/${upload}`

export function runObjectKey(run: RunId, output: string, n: number): string {
  const { task, attempt } = parseRunId(run)
  return `runs/${task}/${attempt}/${output}/${n}`
}

/** What a key names; `null` for keys of other programs. */
export type Place =
  | { kind: 'incoming'; item: DataId; upload: number }
  | { kind: 'run'; run: RunId; output: string }

export function placeOf(key: string): Place | null {
  const [root, owner = '', ...rest] = key.split('/')
  if (root === 'incoming' && rest.length === 1) {
    const item = DataId.safeParse(owner).data
    return item && isCount(rest[0]) ? { kind: 'incoming', item, upload: Number(rest[0]) } : null
  }
  if (root !== 'runs' || rest.length !== 3) return null
  const [attempt, output = '', n] = rest
  const run = RunId.safeParse(`${owner}.${attempt}`).data
  return run && isCount(n) ? { kind: 'run', run, output } : null
}

const isCount = (text = ''): boolean => /^\d{1,9}$/.test(text)

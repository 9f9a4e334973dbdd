import { type DataId, parseRunId, type RunId } from '@millrace/shared'

/** Where things lie in the bucket. Each upload URL has a key of its own. */
export const incomingKey = (item: DataId, upload: number): string => `incoming/${item}/${upload}`

export function runObjectKey(run: RunId, output: string, n: number): string {
  const { task, attempt } = parseRunId(run)
  return `runs/${task}/${attempt}/${output}/${n}`
}

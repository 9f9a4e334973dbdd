import { execFile } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Machine, versions and commit, on which every figure depends. */
export async function describeMachine(): Promise<string> {
  const commit = (await run('git', ['rev-parse', '--short', 'HEAD'])).stdout.trim()
  const changed = (await run('git', ['status', '--porcelain'])).stdout.trim() === '' ? '' : ' with changes'
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 1024 ** 3)
  return `machine: ${cpus().length} × ${cpu?.model.trim()}, ${memory} GiB, ${process.platform} · node ${process.version} · commit ${commit}${changed}`
}

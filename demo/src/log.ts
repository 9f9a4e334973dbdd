import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Report, reportTo } from '@millrace/infra'

export type DemoLog = ReturnType<typeof openLog>

/** The terminal shows a line per step; everything else goes to a file. */
export function openLog(file: string) {
  mkdirSync(dirname(file), { recursive: true })
  const stream = createWriteStream(file, { flags: 'w', mode: 0o600 })
  const show = reportTo(process.stdout)
  const write = (text: string) => void stream.write(`${new Date().toISOString()} ${text}\n`)
  const report: Report = (news) => {
    write(typeof news === 'string' ? news : Object.values(news).join(' '))
    show(news)
  }
  return {
    file,
    /** To the terminal and to the file. */
    report,
    /** To the file alone. */
    detail: write,
    failed: (error: unknown) =>
      write(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    close: () => void stream.end(),
  }
}

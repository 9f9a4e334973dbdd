import { createWriteStream, renameSync, rmSync, type WriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { privateFolder } from '../home/secret-file.ts'

const keepBytes = 20 * 1024 * 1024

export type LogFile = { line(text: string): void; close(): Promise<void> }

/** Appends lines; keeps one older file, so that a long life does not fill the disk. */
export async function openLog(file: string): Promise<LogFile> {
  await privateFolder(dirname(file))
  let size = await stat(file).then(
    (found) => found.size,
    () => 0, // a first start
  )
  let stream = openStream()

  return {
    line(text) {
      if (size > keepBytes) turnOver()
      size += Buffer.byteLength(text) + 1
      stream.write(`${text}\n`)
    },
    close: () => new Promise((resolve) => stream.end(resolve)),
  }

  function openStream(): WriteStream {
    const opened = createWriteStream(file, { flags: 'a', mode: 0o600 })
    // A full disk must not end the process that keeps the others alive; the terminal still has the warnings.
    opened.on('error', (error) => process.emitWarning(`cannot write ${file}: ${error.message}`))
    return opened
  }

  function turnOver(): void {
    stream.end()
    rmSync(`${file}.1`, { force: true })
    renameSync(file, `${file}.1`)
    size = 0
    stream = openStream()
  }
}

import { createReadStream } from 'node:fs'
import { appendFile, mkdir, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { LogLine, type LogStream } from '@millrace/shared/for-agents'
import { ifExists } from '@millrace/std/fs'

/** The log of a module's installation and test, line by line. */
export type InstallLog = {
  line(stream: LogStream, text: string): void
  /** Sends and writes the remaining lines; throws if lines could not be written, for example on a full disk. */
  close(): Promise<void>
}

const batchMs = 100
const batchLines = 500
/** A test that floods its output must not fill the disk. */
const mostLines = 20_000
const largestFile = 4 * 1024 * 1024

/**
 * Opens the log of one installation. Another installation of the module continues the line numbers of the one before,
 * because a number identifies a line.
 */
export async function openInstallLog(o: {
  file: string
  onLines(lines: LogLine[]): void
  now?(): Date
}): Promise<InstallLog> {
  await mkdir(dirname(o.file), { recursive: true })
  const last = await lastNumber(o.file)
  let n = last
  let size = 0
  let full = false
  let waiting: LogLine[] = []
  let timer: NodeJS.Timeout | undefined
  let written: Promise<void> = Promise.resolve()
  let failure: unknown = null

  const add = (stream: LogStream, text: string) => {
    n += 1
    waiting.push({ n, at: (o.now?.() ?? new Date()).toISOString(), stream, line: text })
    if (waiting.length >= batchLines) flush()
    else timer ??= setTimeout(flush, batchMs)
  }
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0) return
    const lines = waiting
    waiting = []
    o.onLines(lines)
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    written = written
      .then(() => appendFile(o.file, text))
      .catch((error: unknown) => {
        failure ??= error
      })
  }

  return {
    line(stream, text) {
      if (stream === 'agent') return add(stream, text)
      if (full) return
      size += text.length
      full = n - last >= mostLines || size > largestFile
      if (full) add('agent', '… a test or an installer printed too much: the rest is omitted')
      else add(stream, text)
    },
    async close() {
      flush()
      await written
      if (failure) throw new Error('The install log could not be written', { cause: failure })
    },
  }
}

async function lastNumber(file: string): Promise<number> {
  const size = await sizeOf(file)
  if (size === 0) return 0
  let last = 0
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const line = parseLine(text)
    if (line) last = line.n
  }
  if (size > largestFile) await rm(file)
  return last
}

const sizeOf = async (file: string): Promise<number> => (await ifExists(stat(file)))?.size ?? 0

/** `null` for a line that a crash cut short. */
function parseLine(text: string): LogLine | null {
  try {
    return LogLine.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

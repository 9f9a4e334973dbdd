import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ifExists, writeAtomically } from '@millrace/std/fs'
import { type Definition, definitionsOf } from './definition.ts'
import { type FoundFile, findFile } from './find-file.ts'
import type { Remark } from './read-yaml.ts'

type Log = (detail: object, message: string) => void

export type ConfigurationOptions = {
  /** Paths of the file; the first that exists counts. */
  files: readonly string[]
  home: string
  own: NodeJS.ProcessEnv
  logger: { info: Log; warn: Log; error: Log }
}

/** The current contents of the workers file, or its last contents without a fault, across restarts. */
export class Configuration {
  readonly #options: ConfigurationOptions
  readonly #kept: string
  #seen: string | null = null
  #definitions: Definition[] = []
  #fault: string | null = null

  constructor(options: ConfigurationOptions) {
    this.#options = options
    this.#kept = join(options.home, 'workers-in-force')
  }

  get definitions(): readonly Definition[] {
    return this.#definitions
  }

  /** The faults of the current file, each with its line. */
  get fault(): string | null {
    return this.#fault
  }

  /** Reads the file; `true` when it has changed. */
  async look(): Promise<boolean> {
    const found = await findFile(this.#options.files)
    const seen = JSON.stringify(found)
    if (seen === this.#seen) return false
    const isFirst = this.#seen === null
    this.#seen = seen
    this.#fault = null
    if (found) await this.#take(found, isFirst)
    else this.#definitions = []
    return true
  }

  async #take(found: FoundFile, isFirst: boolean): Promise<void> {
    const { own, logger } = this.#options
    const { file } = found
    const reading = 'text' in found ? await readWorkers(found.text, own) : unreadable(found.unreadable)
    if ('faults' in reading) {
      this.#fault = `${file} has faults, so the agent uses its last contents without a fault. ${inWords(file, reading.faults)}`
      if (isFirst) this.#definitions = await this.#definitionsBefore(file)
      const faults = reading.faults.map((fault) => inWords(file, [fault]))
      logger.error({ file, faults }, 'the workers file has faults; using its last contents without a fault')
      return
    }
    this.#definitions = reading.workers.flatMap((worker) => definitionsOf(worker, dirname(file)))
    const types = this.#definitions.map(({ call }) => call.type)
    logger.info({ file, types }, 'the workers file was read')
    const ignored = reading.ignored.map((remark) => inWords(file, [remark]))
    if (ignored.length > 0) logger.warn({ file, ignored }, 'parts of the workers file have no effect')
    if ('text' in found)
      await writeAtomically(this.#kept, found.text).catch((err: unknown) =>
        logger.warn(
          { err, file: this.#kept },
          'saving the workers file failed; the next start could not fall back on it',
        ),
      )
  }

  async #definitionsBefore(file: string): Promise<Definition[]> {
    const text = await ifExists(readFile(this.#kept, 'utf8'))
    const reading = text === null ? null : await readWorkers(text, this.#options.own)
    if (!reading || 'faults' in reading) return []
    return reading.workers.flatMap((worker) => definitionsOf(worker, dirname(file)))
  }
}

/** Most agents have no such file, so the YAML reader is loaded only when needed. */
async function readWorkers(text: string, own: NodeJS.ProcessEnv) {
  const reader = await import('./read-workers.ts')
  return reader.readWorkers(text, own)
}

const unreadable = (message: string): { faults: Remark[] } => ({ faults: [{ line: 1, place: '', message }] })

const inWords = (file: string, remarks: readonly Remark[]): string =>
  remarks
    .map(({ line, place, message }) => `${file}:${line}: ${place === '' ? '' : `${place}: `}${message}`)
    .join('; ')

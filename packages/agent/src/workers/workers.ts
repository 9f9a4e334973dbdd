import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type InventoryModule, moduleKey } from '@millrace/shared/for-agents'
import { watch } from 'chokidar'
import type { AgentSignals } from '../signals/agent-signals.ts'
import { Configuration, type ConfigurationOptions } from './configuration.ts'
import type { Definition } from './definition.ts'
import { faultOfPaths } from './fault-of-paths.ts'
import type { RunnableWorker } from './runnable-worker.ts'

/** The programs that the workers file names. */
export type Workers = {
  /** Reads the file and checks that its programs exist. The first call also starts watching it. */
  scan(): Promise<void>
  setEnabled(states: Record<string, 'enabled' | 'disabled'>): void
  /** `taken` are names of modules in the modules folder; workers cannot use them. */
  inventory(taken: ReadonlySet<string>): InventoryModule[]
  available(taken: ReadonlySet<string>): RunnableWorker[]
  /** The exact worker of an assignment, even if the file has changed meanwhile. */
  find(name: string, version: string, digest: string): RunnableWorker | null
  close(): Promise<void>
}

export type WorkersOptions = ConfigurationOptions & {
  signals: Pick<AgentSignals, 'modulesChanged'>
  /** How often to check without an event. */
  lookEveryMs?: number
}

/** An editor may write a file in several steps. */
const quietMs = 100
/** Not every disk reports changes, and no event reports an interpreter that appears or disappears. */
const lookEveryMs = 5000

export function openWorkers(o: WorkersOptions): Workers {
  const configuration = new Configuration(o)
  const runnables = new Map<string, RunnableWorker>()
  const disabled = new Set<string>()
  let known: { definition: Definition; fault: string | null }[] = []
  let isNew = false
  let looking: Promise<void> = Promise.resolve()
  let soon: NodeJS.Timeout | undefined
  let regularly: NodeJS.Timeout | undefined
  let watcher: ReturnType<typeof watch> | undefined

  async function look(): Promise<void> {
    isNew = (await configuration.look()) || isNew
    const looked: typeof known = []
    for (const definition of configuration.definitions) {
      const fault = await faultOfPaths(definition)
      if (fault === null) await offer(definition)
      looked.push({ definition, fault })
    }
    const changed = isNew || looked.some(({ fault }, at) => fault !== known[at]?.fault)
    known = looked
    isNew = false
    if (changed) o.signals.modulesChanged.emit()
  }

  /** Definitions stay findable while the agent lives, because an assignment may be on its way. */
  async function offer(definition: Definition): Promise<void> {
    const key = moduleKey(definition)
    if (runnables.has(key)) return
    const cacheDir = join(o.home, 'cache', definition.name)
    await mkdir(cacheDir, { recursive: true })
    runnables.set(key, { ...definition, cacheDir })
  }

  const tell = (err: unknown) => o.logger.error({ err }, 'the workers could not be checked')

  function lookInTurn(): Promise<void> {
    const looked = looking.then(look)
    looking = looked.catch(tell)
    return looked
  }

  function lookSoon(): void {
    clearTimeout(soon)
    soon = setTimeout(() => {
      looking = looking.then(look).catch(tell)
    }, quietMs)
  }

  function watchFile(): void {
    watcher = watch([...o.files], { ignoreInitial: true })
    watcher.on('all', lookSoon)
    watcher.on('error', (err) => o.logger.warn({ err }, 'the workers file cannot be watched'))
    regularly = setInterval(lookSoon, o.lookEveryMs ?? lookEveryMs)
  }

  const find = (name: string, version: string, digest: string) =>
    runnables.get(moduleKey({ name, version, digest })) ?? null

  return {
    scan() {
      if (!watcher) watchFile()
      return lookInTurn()
    },
    setEnabled(states) {
      for (const [name, state] of Object.entries(states))
        if (state === 'disabled') disabled.add(name)
        else disabled.delete(name)
    },
    inventory: (taken) =>
      known.map(({ definition, fault }) =>
        inventoryOf(
          definition,
          taken.has(definition.name) ? takenBy(definition) : fault,
          configuration.fault,
        ),
      ),
    available: (taken) =>
      known.flatMap(({ definition: { name, version, digest }, fault }) =>
        fault !== null || taken.has(name) || disabled.has(name) ? [] : (find(name, version, digest) ?? []),
      ),
    find,
    async close() {
      clearTimeout(soon)
      clearInterval(regularly)
      await watcher?.close()
      await looking
    },
  }
}

const takenBy = ({ name, call }: Definition): string =>
  `task_types: ${call.type} would be called ${name}, as a module of the modules folder is`

/** The registry gets nothing but the file's contents as written. */
function inventoryOf(definition: Definition, fault: string | null, ofFile: string | null): InventoryModule {
  const error = [fault, ofFile].filter((text) => text !== null).join('\n')
  return {
    name: definition.name,
    version: definition.version,
    digest: definition.digest,
    status: fault === null ? 'AVAILABLE' : 'ERROR',
    manifest: definition.raw,
    path: definition.written.projectPath,
    pythonExec: definition.written.python,
    error: error === '' ? null : error.slice(0, 16_000),
  }
}

import type { Gpu, LogLine, Manifest } from '@millrace/shared/for-agents'
import type { Secrets } from '../log/secrets.ts'
import type { ModuleVariables } from '../process/module-variables.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import type { AgentSignals } from '../signals/agent-signals.ts'
import type { RunnableModule } from './known-module.ts'
import type { Keeping } from './prune-environments.ts'

type Log = (detail: object, message: string) => void

export type CatalogueOptions = {
  modulesDir: string
  /** Names of the modules that are installed and offered; nothing or none: all of the folder. */
  only?: readonly string[]
  home: string
  own: NodeJS.ProcessEnv
  /** What modules are given that name it. */
  variables?: ModuleVariables
  /** What no installation may tell. */
  secrets?: Secrets
  watchdog: Watchdog
  logger: { info: Log; warn: Log; error: Log }
  signals: Pick<AgentSignals, 'modulesChanged' | 'gpusChanged' | 'settingsChanged' | 'diskSpaceChanged'>
  /** The time that others are told; otherwise the clock of this machine. */
  now?(): Date
  onInstallLines(module: string, digest: string, lines: LogLine[]): void
  /** The GPUs of this machine; tests run on the first. */
  gpus?(): Promise<readonly Gpu[]>
  /** Waits for room on the GPU before a test, and gives it back after. */
  reserve?(manifest: Manifest, signal: AbortSignal): Promise<{ release(): void }>
  /** Available modules are tested again so often; 0 or nothing: only when somebody asks. */
  retestHours?: number
  /** How long environments outlive their use. */
  keeping?: Keeping
  /** Whether a process runs, or is about to, with these contents. */
  isInUse?(runnable: RunnableModule): boolean
  /** How long a folder must be left alone before it counts as complete. */
  quietMs?: number
  /** Between the steps of stopping an installation. */
  graceMs?: number
}

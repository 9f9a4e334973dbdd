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
  /** Names of the modules to install and offer; empty or missing: every module of the folder. */
  only?: readonly string[]
  home: string
  own: NodeJS.ProcessEnv
  /** The values of the variables that modules name. */
  variables?: ModuleVariables
  /** Values that no install log may contain. */
  secrets?: Secrets
  watchdog: Watchdog
  logger: { info: Log; warn: Log; error: Log }
  signals: Pick<AgentSignals, 'modulesChanged' | 'gpusChanged' | 'settingsChanged' | 'diskSpaceChanged'>
  /** The API's time; by default this machine's clock. */
  now?(): Date
  onInstallLines(module: string, digest: string, lines: LogLine[]): void
  /** The GPUs of this machine; tests run on the first. */
  gpus?(): Promise<readonly Gpu[]>
  /** Waits for room on the GPU before a test; the caller releases it afterwards. */
  reserve?(manifest: Manifest, signal: AbortSignal): Promise<{ release(): void }>
  /** Hours between tests of available modules; 0 or missing: tests run on request only. */
  retestHours?: number
  /** How long to keep unused environments. */
  keeping?: Keeping
  /** Whether a process with these contents runs or is about to start. */
  isInUse?(runnable: RunnableModule): boolean
  /** How long a folder must stay unchanged before it counts as complete. */
  quietMs?: number
  /** Time between the steps of stopping an installation. */
  graceMs?: number
}

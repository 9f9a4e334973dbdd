import type { SpawnedInstallation } from '@millrace/infra'

/** What a benchmark gets: a running installation, the object store and the database behind it, its workers file. */
export type Bench = {
  installation: SpawnedInstallation
  store: Record<string, string>
  databaseUrl: string
  workersFile: string
  /** The folder that its agent watches. */
  modulesDir: string
}

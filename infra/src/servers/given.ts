export const variablesOf = {
  mongo: ['MONGODB_URL'],
  nats: ['NATS_URL', 'NATS_USER', 'NATS_PASSWORD', 'NATS_AGENT_USER', 'NATS_AGENT_PASSWORD'],
  store: [
    'S3_ENDPOINT',
    'S3_BUCKET',
    'S3_MANAGE_KEY',
    'S3_MANAGE_SECRET',
    'S3_UPLOAD_KEY',
    'S3_UPLOAD_SECRET',
    'S3_DOWNLOAD_KEY',
    'S3_DOWNLOAD_SECRET',
  ],
} as const

/** Some of a server's variables are set and others are not. */
export class PartialSettings extends Error {
  override name = 'PartialSettings'
  readonly missing: string[]
  constructor(set: string[], missing: string[]) {
    super(
      `${set.join(', ')} set, but not ${missing.join(', ')}: set all of them, or none to start a server here`,
    )
    this.missing = missing
  }
}

/** The settings of a server that the environment names; `undefined` when it names none. */
export function given(
  server: keyof typeof variablesOf,
  env: NodeJS.ProcessEnv,
): Record<string, string> | undefined {
  const values: Record<string, string> = {}
  const missing: string[] = []
  for (const name of variablesOf[server]) {
    const value = env[name]
    if (value) values[name] = value
    else missing.push(name)
  }
  if (!missing.length) return values
  // The bucket's name alone is for the store that is started here.
  const set = Object.keys(values).filter((name) => name !== 'S3_BUCKET')
  if (set.length) throw new PartialSettings(set, missing)
}

import { atLeast, onPath, versionText } from './on-path.ts'
import { oldestUsable } from './versions.ts'

export type Tool = 'go' | 'java' | 'mvn'

const advice: Record<Tool, string> = {
  go: 'Go (https://go.dev/dl, or your package manager’s `golang`)',
  java: 'Java 17 or newer (a JDK: `openjdk-17-jdk-headless`, or https://adoptium.net)',
  mvn: 'Maven (`maven`, or https://maven.apache.org)',
}

/** Names everything that has to be installed, or set in the environment, in one message. */
export class MissingTools extends Error {
  override name = 'MissingTools'
  readonly missing: Tool[]
  constructor(missing: Tool[], wanted: string[]) {
    super(
      [
        `cannot get ${wanted.join(', ')}: not given in the environment, not on PATH, not built before, and to build needs`,
        ...missing.map((tool) => `  - ${advice[tool]}`),
        'Install what is missing, or set MONGODB_URL, NATS_URL, S3_ENDPOINT (and their companions) to servers you have.',
      ].join('\n'),
    )
    this.missing = missing
  }
}

export async function missingOf(tools: Iterable<Tool>, env: NodeJS.ProcessEnv): Promise<Tool[]> {
  const checked = await Promise.all(
    [...new Set(tools)].map(async (tool) => ({ tool, there: await isUsable(tool, env) })),
  )
  return checked.filter(({ there }) => !there).map(({ tool }) => tool)
}

async function isUsable(tool: Tool, env: NodeJS.ProcessEnv): Promise<boolean> {
  const file = await onPath(tool, env)
  if (!file) return false
  return tool !== 'java' || atLeast(await versionText(file, '-version'), oldestUsable.java)
}

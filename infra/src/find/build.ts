import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { packageSettings } from './package-settings.ts'
import { goPrograms, mongoDevServerVersion } from './versions.ts'

export type GoProgram = keyof typeof goPrograms
/** `build(temporary)` leaves what is to be kept in `temporary/kept`. */
export type Build = (temporary: string, env: NodeJS.ProcessEnv) => Promise<void>

const mongoSources = fileURLToPath(new URL('../../mongo-dev-server', import.meta.url))

/** The build failed; the message ends with the last lines that the build tool said. */
export class BuildFailed extends Error {
  override name = 'BuildFailed'
}

export const buildGo =
  (program: GoProgram): Build =>
  async (temporary, env) => {
    const { package: name, version } = goPrograms[program]
    const kept = join(temporary, 'kept')
    await mkdir(kept)
    // A stripped binary is a third smaller and starts the same.
    await runTool('go', ['install', '-ldflags=-s -w', `${name}@${version}`], temporary, {
      ...env,
      GOBIN: kept,
    })
  }

export const buildMongoDevServer: Build = async (temporary, env) => {
  const sources = join(temporary, 'sources')
  await cp(mongoSources, sources, {
    recursive: true,
    filter: (path) => basename(path) !== 'target',
  })
  await runTool('mvn', ['-q', '-B', 'package'], sources, env)
  const kept = join(temporary, 'kept')
  await rename(join(sources, 'target', 'lib'), kept)
  for (const file of await readdir(join(sources, 'target'))) {
    if (file.endsWith('.jar')) await rename(join(sources, 'target', file), join(kept, file))
  }
}

/** Version and content: a change to our few lines of Java is built anew. */
export async function mongoDevServerFolder(): Promise<string> {
  const digest = createHash('sha256')
  const entries = await readdir(mongoSources, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('target'))
    .map((entry) => join(entry.parentPath, entry.name))
  for (const file of files.sort()) digest.update(await readFile(file))
  return `mongo-dev-server-${mongoDevServerVersion}-${digest.digest('hex').slice(0, 12)}`
}

/** Runs `build` in a folder beside `target` and moves the result there: `target` is whole or absent. */
export async function buildInto(target: string, build: Build, env: NodeJS.ProcessEnv): Promise<void> {
  const temporary = await mkdtemp(`${target}.building-`)
  try {
    await build(temporary, env)
    await rename(join(temporary, 'kept'), target)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function runTool(
  tool: string,
  parameters: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { GOBIN } = env
  const ran = await execa(tool, parameters, {
    cwd,
    env: { ...packageSettings(env), ...(GOBIN && { GOBIN }) },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
  })
  if (!ran.failed) return
  const last = ran.all.trim().split('\n').slice(-15).join('\n')
  throw new BuildFailed(`${tool} ${parameters.join(' ')} failed (${ran.shortMessage})\n${last}`)
}

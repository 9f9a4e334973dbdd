import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { privateFolder } from '../home/secret-file.ts'
import { takeLock } from '../processes/lock.ts'
import { type Build, buildGo, buildInto, buildMongoDevServer, mongoDevServerFolder } from './build.ts'
import { cacheFolder } from './cache-folder.ts'
import { MissingTools, missingOf, type Tool } from './missing-tools.ts'
import { atLeast, onPath, versionText } from './on-path.ts'
import { withProgress } from './progress.ts'
import { goPrograms, oldestUsable } from './versions.ts'

export type ProgramName = 'mongo' | 'nats-server' | 'minio' | 'mc' | 'versitygw'
/** `file` is the executable, or the folder of jars when `mongo` is the development server. */
export type Program = { name: ProgramName; file: string; source: 'path' | 'cache' | 'built' }
export type Finding = { env: NodeJS.ProcessEnv; cache?: string; report: (line: string) => void }

type Recipe = {
  onPath(env: NodeJS.ProcessEnv): Promise<string | undefined>
  folder(): string | Promise<string>
  fileIn(folder: string): string
  build: Build
  toBuild: Tool[]
  toRun: Tool[]
}

/** The program from PATH, else from the cache, else built into the cache. */
export async function findProgram(name: ProgramName, finding: Finding): Promise<Program> {
  const [program] = await findPrograms([name], finding)
  if (!program) throw new Error(`${name} was neither found nor built`)
  return program
}

/** Many at once: everything that is missing is named together, and builds run side by side. */
export async function findPrograms(names: ProgramName[], finding: Finding): Promise<Program[]> {
  const cache = finding.cache ?? cacheFolder(finding.env)
  const located = await Promise.all(names.map((name) => locate(name, cache, finding.env)))

  const needed = located.flatMap(({ recipe, program }) =>
    program?.source === 'path' ? [] : [...recipe.toRun, ...(program ? [] : recipe.toBuild)],
  )
  const missing = await missingOf(needed, finding.env)
  if (missing.length) {
    const affected = located.filter(
      ({ recipe, program }) =>
        program?.source !== 'path' &&
        missing.some((tool) => [...recipe.toRun, ...recipe.toBuild].includes(tool)),
    )
    throw new MissingTools(
      missing,
      affected.map(({ name }) => name),
    )
  }

  return Promise.all(
    located.map((one) => one.program ?? buildOnce(one.name, one.recipe, one.target, finding)),
  )
}

async function locate(name: ProgramName, cache: string, env: NodeJS.ProcessEnv) {
  const recipe = recipes[name]
  const target = join(cache, await recipe.folder())
  const found = await recipe.onPath(env)
  const program: Program | undefined = found
    ? { name, file: found, source: 'path' }
    : (await exists(target))
      ? { name, file: recipe.fileIn(target), source: 'cache' }
      : undefined
  return { name, recipe, target, program }
}

/** Two processes that need the same program at the same time: one builds, the other waits. */
async function buildOnce(
  name: ProgramName,
  recipe: Recipe,
  target: string,
  { env, report }: Finding,
): Promise<Program> {
  await privateFolder(dirname(target))
  let waiting = false
  for (;;) {
    const lock = await takeLock(`${target}.lock`)
    if ('heldBy' in lock) {
      if (!waiting) report(`${name}: process ${lock.heldBy.pid} is building it; waiting`)
      waiting = true
      await delay(200)
      continue
    }
    try {
      if (await exists(target)) return { name, file: recipe.fileIn(target), source: 'cache' }
      await withProgress(name, report, () => buildInto(target, recipe.build, env))
      return { name, file: recipe.fileIn(target), source: 'built' }
    } finally {
      await lock.release()
    }
  }
}

const executable = (name: string) => (process.platform === 'win32' ? `${name}.exe` : name)

const goRecipe = (
  name: keyof typeof goPrograms,
  isSuitable: (version: string | undefined) => boolean,
): Recipe => ({
  onPath: (env) => suitableOnPath(name, env, isSuitable),
  folder: () => `${name}-${goPrograms[name].version}`,
  fileIn: (folder) => join(folder, executable(name)),
  build: buildGo(name),
  toBuild: ['go'],
  toRun: [],
})

const recipes: Record<ProgramName, Recipe> = {
  'nats-server': goRecipe('nats-server', (version) => atLeast(version, oldestUsable['nats-server'])),
  // Midnight Commander is called mc too.
  minio: goRecipe('minio', (version) => /minio/i.test(version ?? '')),
  mc: goRecipe('mc', (version) => /minio/i.test(version ?? '')),
  versitygw: goRecipe('versitygw', (version) => atLeast(version, oldestUsable.versitygw)),
  mongo: {
    onPath: (env) => suitableOnPath('mongod', env, (version) => atLeast(version, oldestUsable.mongod)),
    folder: mongoDevServerFolder,
    fileIn: (folder) => folder,
    build: buildMongoDevServer,
    toBuild: ['mvn'],
    toRun: ['java'],
  },
}

async function suitableOnPath(
  name: string,
  env: NodeJS.ProcessEnv,
  isSuitable: (version: string | undefined) => boolean,
) {
  const file = await onPath(name, env)
  return file && isSuitable(await versionText(file)) ? file : undefined
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

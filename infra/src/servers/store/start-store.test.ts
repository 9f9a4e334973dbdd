import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findProgram } from '../../find/find-programs.ts'
import { chooseStore } from './choose-store.ts'
import { beginStore } from './start-store.ts'

let folder: string
let bin: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-store-'))
  bin = join(folder, 'bin')
  await mkdir(bin)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`)
  await chmod(join(bin, name), 0o755)
}
const finding = (more: Record<string, string> = {}) => ({
  home: join(folder, 'home'),
  cache: join(folder, 'cache'),
  env: { PATH: `${bin}:/usr/bin:/bin`, ...more },
})

it('a store that has to be compiled has its address and keys at once, and answers there later', async () => {
  const { file } = await findProgram('versitygw', { env: process.env })
  // A compiler that takes as long as the test wants.
  await program(
    'go',
    `case "$1" in
      version) echo "go version go1.26.8" ;;
      mod) cd vendor 2>/dev/null || mkdir -p vendor && cd vendor
        for f in auth/iam_vault auth/iam_ldap auth/iam_standalone auth/iam_s3_object s3event/kafka s3event/nats s3event/rabbitmq metrics/dogstats; do
          mkdir -p github.com/versity/versitygw/$(dirname $f) && touch github.com/versity/versitygw/$f.go
        done ;;
      list) echo one ;;
      build) while ! [ -e ${folder}/go-on ]; do sleep 0.05; done
        while [ "$1" != -o ]; do shift; done; cp ${file} "$2" ;;
    esac`,
  )
  const { env, started } = await beginStore(finding())
  const early = await fetch(env.S3_ENDPOINT ?? '')
  expect([early.status, await early.text()]).toEqual([503, 'The object store is being installed.'])
  await writeFile(join(folder, 'go-on'), '')
  const server = await started
  try {
    expect(server.env).toEqual(env)
    expect((await fetch(`${env.S3_ENDPOINT}/health`)).status).toBe(200)
  } finally {
    await server.stop()
  }
})

describe('the store of a home', () => {
  const choose = (more?: Record<string, string>) => {
    const { home, ...search } = finding(more)
    return chooseStore(home, search)
  }
  const minioOnPath = async () => {
    for (const name of ['minio', 'mc']) await program(name, `echo "${name} version RELEASE of MinIO"`)
  }

  it('is versitygw, compiled where it has to be', async () => {
    expect(await choose()).toEqual({ kind: 'versitygw', atHand: false })
  })

  it('is MinIO where it is on PATH with mc and versitygw is not at hand', async () => {
    await minioOnPath()
    expect(await choose()).toEqual({ kind: 'minio', atHand: true })
    await program('versitygw', 'echo versitygw v1.9.0')
    expect(await choose()).toEqual({ kind: 'versitygw', atHand: true })
  })

  it('is no versitygw that keeps bodies that end early', async () => {
    await program('versitygw', 'echo versitygw v1.8.0')
    expect(await choose()).toEqual({ kind: 'versitygw', atHand: false })
  })

  it('stays the one that holds its files, unless another is named', async () => {
    await minioOnPath()
    await mkdir(join(folder, 'home', 'versitygw'), { recursive: true })
    await writeFile(join(folder, 'home', 'versitygw', 'keys.json'), '{}')
    expect(await choose()).toEqual({ kind: 'versitygw', atHand: false })
    expect(await choose({ OBJECT_STORE: 'minio' })).toEqual({ kind: 'minio', atHand: true })
    await expect(choose({ OBJECT_STORE: 'swift' })).rejects.toThrow(
      'OBJECT_STORE=swift: choose versitygw or minio',
    )
  })
})

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { fromData } from '@millrace/client'
import { type Servers, startServers } from '@millrace/infra'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agentProcess } from '../support/agent-process.ts'
import { type Installation, installation } from '../support/installation.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const pictures = resolve(import.meta.dirname, '../../demo/pictures')
const known = { x: 177, y: 66, width: 95, height: 95 }
const side = 512

let here: Installation
let folder: string
let servers: Servers
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-faces-'))
  // Another address than the usual one: nothing may take 127.0.0.1 for granted.
  servers = await startServers({ home: join(folder, 'home'), host: '127.0.0.2' })
  const publicly = {
    HOST: '127.0.0.2',
    S3_PUBLIC_ENDPOINT: servers.env.S3_ENDPOINT ?? '',
    NATS_PUBLIC_URL: servers.env.NATS_URL ?? '',
  }
  here = await installation(['face-detect'], { servers: servers.env, api: publicly })
  await here.agent.available(here.client)
})
afterAll(async () => {
  await here?.close()
  await servers?.stop()
  await rm(folder, { recursive: true, force: true })
})

type Face = typeof known

async function facesIn(file: string, contentType: string): Promise<{ faces: Face[]; annotated: Uint8Array }> {
  const photo = await here.client.upload({
    name: 'photo',
    contentType,
    bytes: new Uint8Array(await readFile(file)),
  })
  const task = await here.client.createTask({ module: 'face-detect', inputs: { photo: fromData(photo.id) } })
  const ended = await until('it has ended', 60, async () => {
    const now = await here.client.task(task.id, 10)
    return now.finishedAt !== null && now
  })
  expect(ended).toMatchObject({ status: 'succeeded', error: null })
  const output = ended.outputs.annotated
  if (!output) throw new Error('no annotated picture')
  return { faces: ended.result?.faces as Face[], annotated: await here.client.download(output.data) }
}

/** The same picture as OpenCV, in the module's own environment, changes it. */
async function changed(expression: string): Promise<string> {
  const { agents } = await here.client.module('face-detect')
  const file = join(folder, `${Math.random().toString(36).slice(2)}.png`)
  const script = `import cv2; image = cv2.imread(${JSON.stringify(join(pictures, 'astronaut.jpg'))}); cv2.imwrite(${JSON.stringify(file)}, ${expression})`
  await run(agents[0]?.pythonExec ?? '', ['-c', script])
  return file
}

/** One face, each side within 5 % of the wanted face's size. */
function expectFace(faces: Face[], wanted: Face): void {
  expect(faces).toHaveLength(1)
  const [face] = faces
  for (const key of ['x', 'y', 'width', 'height'] as const) {
    expect(Math.abs((face?.[key] ?? Number.NaN) - wanted[key]), key).toBeLessThanOrEqual(wanted.width * 0.05)
  }
}

const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8

describe('face-detect, end to end', () => {
  test('finds the one face of the astronaut and draws it', async () => {
    const { faces, annotated } = await facesIn(join(pictures, 'astronaut.jpg'), 'image/jpeg')
    expectFace(faces, known)
    expect(isJpeg(annotated)).toBe(true)
  })

  test('finds none in a cup of coffee', async () => {
    expect((await facesIn(join(pictures, 'coffee.png'), 'image/png')).faces).toEqual([])
  })

  test('finds it where a mirror puts it', async () => {
    const { faces } = await facesIn(await changed('cv2.flip(image, 1)'), 'image/png')
    expectFace(faces, { ...known, x: side - known.x - known.width })
  })

  test('finds it at one and a half times its size', async () => {
    const { faces } = await facesIn(await changed('cv2.resize(image, None, fx=1.5, fy=1.5)'), 'image/png')
    expectFace(faces, {
      x: known.x * 1.5,
      y: known.y * 1.5,
      width: known.width * 1.5,
      height: known.height * 1.5,
    })
  })

  test('fails for good on a picture that is none', async () => {
    // The upload is held to its first bytes; what follows them is for the module to find out.
    const bytes = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, ...new TextEncoder().encode('this is no picture')])
    const photo = await here.client.upload({ name: 'liar.jpg', contentType: 'image/jpeg', bytes })
    const task = await here.client.createTask({
      module: 'face-detect',
      inputs: { photo: fromData(photo.id) },
    })
    const ended = await until('it has ended', 60, async () => {
      const now = await here.client.task(task.id, 10)
      return now.finishedAt !== null && now
    })
    expect(ended).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'module_error', retryable: false },
    })
  })

  test('runs on a second agent that knows nothing but the URL of the API and a key', async () => {
    await here.agent.program.stop()
    const { secret } = await here.client.createKey({ name: 'second', scopes: ['agent'] })
    const second = await agentProcess(here.api.url, secret ?? '', ['face-detect'])
    try {
      second.start()
      await until('the second agent can run it', 60, async () => {
        const { agents } = await here.client.module('face-detect')
        return agents.length === 2 && agents.every((agent) => agent.status === 'AVAILABLE')
      })
      const { faces } = await facesIn(join(pictures, 'astronaut.jpg'), 'image/jpeg')
      expectFace(faces, known)
    } finally {
      await second.close()
    }
  })
})

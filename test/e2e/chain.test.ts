import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fromData, fromOutput, type Task } from '@millrace/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filmTools } from '../modules/film.ts'
import { type Workshop, workshop } from '../modules/workshop.ts'
import { processesOfTask } from '../support/processes-of.ts'
import { until } from '../support/until.ts'

const samples = resolve(import.meta.dirname, '../samples')
let shop: Workshop
beforeAll(async () => {
  shop = await workshop(['video-faces', 'video-transcode', 'speech-to-text', 'join-notes'])
}, 900_000)
afterAll(() => shop?.close())

/** The film of a man in a car, with a voice that reads. */
async function filmWithSpeech(): Promise<Buffer> {
  const { made } = filmTools(shop)
  const [picture, sound] = [`${samples}/carphone.mp4`, `${samples}/austen-0870.wav`]
  const file = await made('with-speech.mp4', ['-i', picture, '-i', sound, '-c:v', 'copy', '-c:a', 'aac'])
  return readFile(file)
}

test('a film is seen and heard, and both are joined: four tasks, made before the first has started', async () => {
  const { client, here } = shop
  await client.changeSettings({ maxRunningTasks: 0 })
  const bytes = new Uint8Array(await filmWithSpeech())
  const film = await client.upload({ name: 'film.mp4', contentType: 'video/mp4', bytes })
  const faces = await client.createTask({
    module: 'video-faces',
    inputs: { video: fromData(film.id) },
    backoff: { initialSeconds: 0 },
  })
  const sound = await client.createTask({
    module: 'video-transcode',
    inputs: { video: fromData(film.id), format: 'wav' },
  })
  const speech = await client.createTask({
    module: 'speech-to-text',
    inputs: { speech: fromOutput(sound.id, 'media') },
  })
  const joined = await created(
    {
      module: 'join-notes',
      inputs: {
        faces: { task: faces.id, output: 'frames_with_faces' },
        speech: { task: speech.id, output: 'text' },
      },
    },
    'req-of-the-owner',
  )
  const summary = async () => (await client.summary()).tasks
  await until('all are planned', 20, async () => (await summary()).planned === 4)
  expect(await client.why(joined.id)).toMatchObject([{ reason: 'upstream' }, { reason: 'upstream' }])

  await client.changeSettings({ maxRunningTasks: 10 })
  const [victim] = await until('its module runs', 60, async () => {
    const pids = await processesOfTask(faces.id)
    return pids.length > 0 && pids
  })
  process.kill(victim ?? 0, 'SIGKILL')
  // The summary may be five seconds old, which is longer than warm modules need for all of it.
  await until(
    'some are active',
    20,
    async () => (await client.listTasks({ status: 'active' })).items.length > 0,
  )

  const done = await until('the last has ended', 180, async () => {
    const task = await client.task(joined.id, 30)
    return task.status === 'succeeded' && task
  })
  expect(await client.task(faces.id)).toMatchObject({ status: 'succeeded', attempt: 2 })
  const [, seen, heard] = String(done.result?.notes).match(/^(\d+) frames with a face; heard: (.+)$/) ?? []
  expect(Number(seen)).toBeGreaterThan(60)
  expect(Number(seen)).toBeLessThan(80)
  const words = 'and mister john dashwood had then leisure to consider how much there might be'.split(' ')
  expect(words.filter((word) => heard?.split(' ').includes(word)).length).toBeGreaterThan(words.length / 2)
  await until('all are completed', 20, async () => {
    const { planned, active, completed } = await summary()
    return planned === 0 && active === 0 && completed === 4
  })

  // The id of the request is found wherever the task was.
  expect(done.requestId).toBe('req-of-the-owner')
  expect((await client.run(`${joined.id}.1`)).requestId).toBe('req-of-the-owner')
  const lines = await client.runLog(`${joined.id}.1`)
  expect(lines.map(({ line }) => line)).toContain('request req-of-the-owner')
  for (const program of [here.api.program, here.agent.program])
    expect(
      program.lines.filter((line) => line.includes('req-of-the-owner') && line.includes(joined.id)).length,
    ).toBeGreaterThan(0)
}, 400_000)

async function created(body: object, requestId: string): Promise<Task> {
  const response = await fetch(`${shop.here.api.url}/api/tasks`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer an-admin-key-for-tests',
      'content-type': 'application/json',
      'x-request-id': requestId,
    },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(201)
  return (await response.json()).task
}

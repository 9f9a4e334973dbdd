import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, type ScriptedAgent, scriptedAgent } from '../support/scripted-agent.ts'
import { announce, bytesOf } from '../support/upload-by-hand.ts'

const missing = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
const picky = availableModule({
  name: 'picky',
  inputs: [
    { key: 'photo', type: 'file', format: 'jpeg' },
    { key: 'mode', type: 'text', enum: ['fast', 'good'], required: false },
    { key: 'count', type: 'number', integer: true, min: 1, max: 3, required: false },
    { key: 'on', type: 'boolean', required: false },
    { key: 'any', type: 'json', required: false },
    { key: 'words', type: 'text', multiple: true, required: false },
  ],
  outputs: [{ key: 'found', type: 'json' }],
})

let api: TestApi
let agent: ScriptedAgent
let photo: { data: string }
const jpegStart = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0])
beforeAll(async () => {
  api = await openApi()
  agent = await scriptedAgent(api)
  await agent.has([picky])
  photo = {
    data: (await api.client.upload({ name: 'a.JPG', contentType: 'image/jpeg', bytes: jpegStart })).id,
  }
})
afterAll(() => api.close())

const submit = (inputs: object, more: object = {}) =>
  api.post('/api/tasks', { module: 'picky', inputs, ...more })
const everything = async () =>
  Promise.all(
    [api.deps.store.tasks, api.deps.store.data, api.deps.store.runs].map(async (kind) =>
      (await kind.find({}, { limit: 1000 })).map((doc) => `${doc._id} ${doc.rev}`),
    ),
  )

/** Refused with these paths, and nothing is stored by halves. */
async function expectRefused(response: Promise<Response>, code: string, paths: string[]): Promise<void> {
  expect(await refusalOf(await response)).toEqual({ status: 422, code, paths })
}

describe('inputs are refused all at once, each with its path', () => {
  const faults: [string, object, string[]][] = [
    ['missing', {}, ['/inputs/photo']],
    ['null where one is required', { photo: null }, ['/inputs/photo']],
    ['a wrapped null where one is required', { photo: { value: null } }, ['/inputs/photo']],
    ['a bare value for a file', { photo: 'a.jpg' }, ['/inputs/photo']],
    ['a wrapped value for a file', { photo: { value: 'a.jpg' } }, ['/inputs/photo']],
    ['a number for a text', { mode: 5 }, ['/inputs/mode', '/inputs/photo']],
    ['not one of the choices', { mode: 'slow' }, ['/inputs/mode', '/inputs/photo']],
    ['too small', { count: 0 }, ['/inputs/count', '/inputs/photo']],
    ['too large', { count: 4 }, ['/inputs/count', '/inputs/photo']],
    ['not whole', { count: 1.5 }, ['/inputs/count', '/inputs/photo']],
    ['a text for a number', { count: '2' }, ['/inputs/count', '/inputs/photo']],
    ['a number for a boolean', { on: 1 }, ['/inputs/on', '/inputs/photo']],
    ['one value for a list', { words: 'a' }, ['/inputs/photo', '/inputs/words']],
    [
      'one bad element of a list',
      { words: ['a', 1, 'b', {}] },
      ['/inputs/photo', '/inputs/words/1', '/inputs/words/3'],
    ],
    ['unknown names', { a: 1, 'x/y~z': 1 }, ['/inputs/a', '/inputs/photo', '/inputs/x~1y~0z']],
    ['an id that is none', { photo: { data: 'dat_1' } }, ['/inputs/photo/data']],
    ['an unknown data item', { photo: { data: `dat_${missing}` } }, ['/inputs/photo/data']],
    ['an unknown task', { photo: { task: `tsk_${missing}`, output: 'x' } }, ['/inputs/photo/task']],
    ['a task id that is none', { photo: { task: 5, output: 'x' } }, ['/inputs/photo/task']],
    ['an output that is no name', { photo: { task: `tsk_${missing}`, output: 5 } }, ['/inputs/photo/output']],
  ]
  for (const [what, inputs, paths] of faults) {
    test(what, async () => {
      const before = await everything()
      await expectRefused(submit(inputs), 'invalid_request', paths)
      expect(await everything()).toEqual(before)
    })
  }

  test('an output that the other task does not have', async () => {
    const { task } = await (await submit({ photo })).json()
    await expectRefused(submit({ photo: { task: task.id, output: 'nothing' } }), 'invalid_request', [
      '/inputs/photo/output',
    ])
  })

  test('ambiguous_input for an object that could be a reference or a value', async () => {
    for (const any of [
      { data: 'x', more: 1 },
      { value: 1, more: 1 },
      { task: 'x' },
      { task: 'x', output: 'y', z: 1 },
    ])
      await expectRefused(submit({ photo, any }), 'ambiguous_input', ['/inputs/any'])
    expect((await submit({ photo, any: { value: { data: 'x', more: 1 } } })).status).toBe(201)
    expect((await submit({ photo, any: { output: 'x' } })).status).toBe(201)
  })

  test('data of a kind that does not fit', async () => {
    const gif = {
      data: (await api.client.upload({ name: 'a.gif', contentType: 'image/gif', bytes: bytesOf('GIF89a') }))
        .id,
    }
    await expectRefused(submit({ photo: gif }), 'invalid_request', ['/inputs/photo'])
    await expectRefused(submit({ photo, mode: photo }), 'invalid_request', ['/inputs/mode'])
    await expectRefused(submit({ photo, count: photo }), 'invalid_request', ['/inputs/count'])
    const seven = { data: (await api.client.createValue({ label: '7', value: 7 })).id }
    await expectRefused(submit({ photo, count: seven }), 'invalid_request', ['/inputs/count'])
    await expectRefused(submit({ photo: seven }), 'invalid_request', ['/inputs/photo'])
    await expectRefused(submit({ photo, mode: seven }), 'invalid_request', ['/inputs/mode'])
  })

  test('data_not_available for data that failed or expired, with its path', async () => {
    for (const status of ['failed', 'expired', 'removing'] as const) {
      const { data } = await announce(api, { name: 'b.jpg', contentType: 'image/jpeg' })
      await api.deps.store.data.change(data.id, (item) => ({ ...item, status }))
      await expectRefused(submit({ photo: { data: data.id } }), 'data_not_available', ['/inputs/photo'])
    }
  })

  test('inline values of more than 1 MiB together', async () => {
    const half = 'x'.repeat(600 * 1024)
    const before = await everything()
    await expectRefused(submit({ photo, any: half, words: [half] }), 'invalid_request', ['/inputs'])
    expect(await everything()).toEqual(before)
    expect((await submit({ photo, any: half })).status).toBe(201)
  })
})

describe('a task is refused', () => {
  test('module_not_found for an unknown module or version, with the path', async () => {
    for (const module of ['nothing', 'Bad Name', '__proto__'])
      await expectRefused(api.post('/api/tasks', { module }), 'module_not_found', ['/module'])
    await expectRefused(submit({ photo }, { version: '9.9.9' }), 'module_not_found', ['/version'])
  })

  test('for every field out of bounds', async () => {
    const bad = {
      version: '1',
      priority: 'urgent',
      after: ['x'],
      onUpstreamFailure: 'cry',
      maxAttempts: 21,
      backoff: { factor: 0.5, more: 1 },
      timeoutSeconds: 0,
      notBefore: 'later',
      concurrencyLimit: 0,
      label: 'x'.repeat(201),
      outputs: { found: { label: 5 } },
      typo: 1,
    }
    await expectRefused(submit({ photo }, bad), 'invalid_request', [
      '/after/0',
      '/backoff/factor',
      '/backoff/more',
      '/concurrencyLimit',
      '/label',
      '/maxAttempts',
      '/notBefore',
      '/onUpstreamFailure',
      '/outputs/found/label',
      '/priority',
      '/timeoutSeconds',
      '/typo',
      '/version',
    ])
    await expectRefused(submit({ photo }, { after: [`tsk_${missing}`] }), 'invalid_request', ['/after/0'])
    await expectRefused(submit({ photo }, { outputs: { 'x/y': {} } }), 'invalid_request', ['/outputs/x~1y'])
    for (const inputs of [[], 'x', 5, null])
      await expectRefused(api.post('/api/tasks', { module: 'picky', inputs }), 'invalid_request', ['/inputs'])
  })
})

describe('an accepted task', () => {
  test('shows inputs as they were meant, and output items with their label and tags', async () => {
    const given = { photo, mode: { value: 'fast' }, count: 2, on: null, words: ['a', { value: 'b' }] }
    const response = await submit(given, { label: 'mine', outputs: { found: { label: 'it', tags: ['t'] } } })
    expect(response.status).toBe(201)
    const { task } = await response.json()
    expect(task).toMatchObject({ label: 'mine', status: 'queued', priority: 'normal', maxAttempts: 3 })
    expect(task.inputs).toEqual({
      photo,
      mode: { value: 'fast' },
      count: { value: 2 },
      words: [{ value: 'a' }, { value: 'b' }],
    })
    expect(await api.client.data(task.outputs.found.data)).toMatchObject({
      label: 'it',
      tags: ['t'],
      status: 'pending',
      type: 'json',
      producer: { taskId: task.id, output: 'found' },
    })
  })
})

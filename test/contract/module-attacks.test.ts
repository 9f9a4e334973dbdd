import { tick } from '@millrace/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { problemOf, refusalOf } from '../support/problem-of.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { until } from '../support/until.ts'
import { agentWithKey, untrustedAgent } from '../support/untrusted-agent.ts'

const clock = shiftedClock()
let api: TestApi
beforeAll(async () => {
  api = await openApi((deps) => ({ ...deps, clock }))
  await api.client.changeSettings({ maxRunningTasks: 1000 })
})
afterAll(() => api.close())

const said = [{ key: 'said', type: 'text' }]
const named = (name: string, version = '1.0.0', more: object = {}) =>
  availableModule({ name, version, outputs: said, ...more })
const read = (name: string) => api.client.module(name)
const statusOn = async (name: string, agentId: string) =>
  (await read(name)).agents.filter((one) => one.agentId === agentId).map((one) => one.status)
const approve = (name: string, body: object) => api.post(`/api/modules/${name}/approve`, body)

describe('a newer version of an agent without trust', () => {
  test('gets no task, and is neither shown as the version nor what tasks are checked against', async () => {
    const honest = await scriptedAgent(api)
    const ours = named('newer', '1.0.0', { inputs: [{ key: 'text', type: 'text' }] })
    await honest.has([ours])
    const attacker = await untrustedAgent(api)
    const theirs = named('newer', '99.0.0', { outputs: [{ key: 'stolen', type: 'text' }] })
    await attacker.tell([theirs])
    expect(await read('newer')).toMatchObject({
      version: '1.0.0',
      versions: ['1.0.0'],
      digest: ours.digest,
      status: 'AVAILABLE',
      inputs: [{ key: 'text' }],
    })
    const task = await api.client.createTask({ module: 'newer', inputs: { text: 'a' } })
    expect(Object.keys(task.outputs)).toEqual(['said'])
    expect(await attacker.claim([theirs])).toBeNull()
    expect(await attacker.claim([{ ...theirs, version: '1.0.0' }])).toBeNull()
    expect((await honest.claim([ours]))?.run).toBe(`${task.id}.1`)
    const pinned = await api.post('/api/tasks', { module: 'newer', version: '99.0.0' })
    expect(await refusalOf(pinned)).toMatchObject({ status: 422, code: 'module_not_found' })
  })

  test.each(['DETECTED', 'INSTALLING', 'TESTING', 'AVAILABLE'] as const)(
    'does not hide as %s that the module fails everywhere else',
    async (status) => {
      const name = `hidden-${status.toLowerCase()}`
      const honest = await scriptedAgent(api)
      await honest.has([{ ...named(name), status: 'ERROR', error: 'no disk' }])
      const attacker = await untrustedAgent(api)
      await attacker.tell([{ ...named(name, '2.0.0', { description: 'not ours' }), status }])
      expect(await read(name)).toMatchObject({ version: '1.0.0', status: 'ERROR', description: '' })
    },
  )
})

describe('other contents of a known version', () => {
  test.each(['before', 'after'] as const)('keep no honest agent back, reported %s its own', async (when) => {
    const name = `digest-${when}`
    const [ours, theirs] = [named(name), named(name, '1.0.0', { description: 'other bytes' })]
    const honest = await scriptedAgent(api)
    const attacker = await untrustedAgent(api)
    if (when === 'before') await attacker.tell([theirs])
    await honest.has([ours])
    if (when === 'after') await attacker.tell([theirs])
    expect(await statusOn(name, honest.agentId)).toEqual(['AVAILABLE'])
    expect(await statusOn(name, attacker.agentId)).toEqual(['ERROR'])
    const task = await api.client.createTask({ module: name })
    expect(await attacker.claim([theirs])).toBeNull()
    expect((await honest.claim([ours]))?.run).toBe(`${task.id}.1`)
  })

  test('that were approved once keep back neither what has trust, nor what was approved later', async () => {
    const [old, ours] = [named('older'), named('older', '1.0.0', { description: 'corrected' })]
    const honest = await scriptedAgent(api)
    await honest.has([old])
    const attacker = await untrustedAgent(api)
    await attacker.tell([old])
    await honest.has([ours])
    expect(await statusOn('older', honest.agentId)).toEqual(['AVAILABLE'])
    expect(await statusOn('older', attacker.agentId)).toEqual(['ERROR'])
    const helper = await untrustedAgent(api)
    await helper.tell([ours])
    await honest.has([])
    expect(await statusOn('older', helper.agentId)).toEqual(['AVAILABLE'])
    expect(await statusOn('older', attacker.agentId)).toEqual(['ERROR'])
  })
})

test('an agent without trust that reports approved contents gets tasks, whatever it runs', async () => {
  const honest = await scriptedAgent(api)
  const ours = named('copied')
  await honest.has([ours])
  const hostile = await untrustedAgent(api)
  await hostile.tell([ours])
  const task = await api.client.createTask({ module: 'copied' })
  expect((await hostile.claim([ours]))?.run).toBe(`${task.id}.1`)
})

describe('a digest that is known, with another manifest', () => {
  const inputs = [{ key: 'text', type: 'text' }]

  test('counts as other contents: tasks are checked against the honest one', async () => {
    const honest = await scriptedAgent(api)
    const ours = named('forged', '1.0.0', { inputs })
    const attacker = await untrustedAgent(api)
    const forged = { ...named('forged', '1.0.0', { outputs: [] }), digest: ours.digest }
    await attacker.tell([forged])
    await honest.has([ours])
    await attacker.tell([{ ...forged, error: 'reported again' }])
    expect(await statusOn('forged', attacker.agentId)).toEqual(['ERROR'])
    await api.client.createTask({ module: 'forged', inputs: { text: 'a' } })
    expect(await attacker.claim([forged])).toBeNull()
    expect((await honest.claim([ours]))?.module.digest).toBe(ours.digest)
  })

  test('is not approved along with the one that was meant', async () => {
    const friend = await untrustedAgent(api)
    const ours = named('meant', '1.0.0', { inputs })
    await friend.tell([ours])
    const attacker = await untrustedAgent(api)
    await attacker.tell([{ ...named('meant'), digest: ours.digest }])
    const body = { version: '1.0.0', digest: ours.digest }
    const unclear = await approve('meant', body)
    expect(unclear.status).toBe(409)
    expect((await problemOf(unclear)).detail).toContain('Name the agent')
    expect((await approve('meant', { ...body, agent: friend.agentId })).status).toBe(200)
    expect(await statusOn('meant', friend.agentId)).toEqual(['AVAILABLE'])
    expect(await statusOn('meant', attacker.agentId)).toEqual(['ERROR'])
  })

  test.each([
    ['of another module', { name: 'some-other', version: '1.0.0' }],
    ['of another version', { name: 'posing', version: '9.0.0' }],
  ])('%s is left out', async (_, manifest) => {
    const attacker = await untrustedAgent(api)
    const { withheld } = await attacker.tell([{ ...named('posing'), manifest }])
    expect(withheld).toMatchObject([
      { name: 'posing', reason: expect.stringContaining(`${manifest.name}@${manifest.version}`) },
    ])
    expect((await api.request('/api/modules/posing')).status).toBe(404)
  })
})

describe('a name that', () => {
  test.each(['Guarded', 'guardеd', 'guarded ', 'guarded\u200b', 'ＧＵＡＲＤＥＤ', '*'])(
    'only looks like another (%j) is no name of a module',
    async (name) => {
      const attacker = await untrustedAgent(api)
      const answer = await attacker.call(
        'modules',
        { sessionId: attacker.sessionId, modules: [{ ...named('guarded'), name }] },
        'PUT',
      )
      expect(await refusalOf(answer)).toMatchObject({ status: 422, paths: ['/modules/0/name'] })
    },
  )

  test('a worker has elsewhere is not found because an agent without trust says so', async () => {
    const honest = await scriptedAgent(api)
    await honest.has([named('acme-scrape', '1.0.0', { original_name: 'Acme.Scrape' })])
    const attacker = await untrustedAgent(api)
    await attacker.tell([named('acme-scrape', '2.0.0', { original_name: 'Acme Scrape' })])
    expect((await api.request('/api/modules/Acme.Scrape')).status).toBe(200)
    expect((await api.request('/api/modules/Acme%20Scrape')).status).toBe(404)
  })
})

test('an agent without trust cannot take over an agent that has it, nor speak for its session', async () => {
  const honest = await scriptedAgent(api)
  await honest.has([named('taken')])
  await expect(agentWithKey(api, { trusted: false }, { agentId: honest.agentId })).rejects.toThrow(/403/)
  const attacker = await untrustedAgent(api)
  const body = { sessionId: honest.sessionId, modules: [named('taken', '2.0.0')] }
  expect((await attacker.call('modules', body, 'PUT')).status).toBe(409)
  // Of two processes of one agent the one that was replaced says nothing any more.
  const replaced = { ...body, sessionId: attacker.sessionId }
  await attacker.registerAgain({ instanceId: 'another-process', previousSessionId: attacker.sessionId })
  expect((await attacker.call('modules', replaced, 'PUT')).status).toBe(409)
  expect((await read('taken')).versions).toEqual(['1.0.0'])
})

test('what runs on an agent without trust use is not promised to the runs of others', async () => {
  const ours = named('greedy')
  const honest = await scriptedAgent(api)
  await honest.has([ours])
  const attacker = await untrustedAgent(api)
  await attacker.tell([ours])
  const usage = (bytes: number) => ({
    outcome: 'succeeded' as const,
    result: { said: { value: 'a' } },
    usage: { peakRamBytes: bytes, peakVramBytes: bytes, cpuSeconds: 1 },
  })
  await api.client.createTask({ module: 'greedy' })
  const stolen = await attacker.claim([ours])
  await attacker.finish(stolen?.run ?? '', usage(2 ** 50))
  await api.client.createTask({ module: 'greedy' })
  const own = await honest.claim([ours])
  await honest.finish(own?.run ?? '', usage(1000))
  const peaks = () => api.deps.store.modules.get('greedy').then((doc) => doc?.peaks)
  await until('peaks of the honest run', 10, async () => (await peaks())?.length === 1)
  expect(await peaks()).toEqual([{ digest: ours.digest, ramBytes: 1000, vramBytes: 1000 }])
})

test('the install log that is shown is of an agent with trust, unless another is asked for', async () => {
  const honest = await scriptedAgent(api)
  const attacker = await untrustedAgent(api)
  const ours = named('logged')
  const log = (agent: typeof honest, digest: string, line: string) =>
    agent.call('modules/logged/install-log', {
      sessionId: agent.sessionId,
      digest,
      lines: [{ n: 1, at: new Date().toISOString(), stream: 'agent', line }],
    })
  const shown = async (query = '') =>
    (await (await api.request(`/api/modules/logged/install-log${query}`)).text()).trim()
  await honest.has([ours])
  await log(honest, ours.digest, 'ours')
  const theirs = named('logged', '2.0.0')
  await attacker.tell([ours, theirs])
  await log(attacker, ours.digest, 'theirs')
  await log(attacker, theirs.digest, 'awaiting')
  expect(await shown()).toContain('"ours"')
  expect(await shown(`?digest=${ours.digest}`)).toContain('"ours"')
  expect(await shown(`?agentId=${attacker.agentId}`)).toContain('"theirs"')
  expect(await shown(`?digest=${theirs.digest}`)).toContain('"awaiting"')
})

describe('many reports of agents without trust', () => {
  test('leave the history of others as it was', async () => {
    const ours = named('noisy')
    const honest = await scriptedAgent(api)
    await honest.has([ours])
    const attacker = await untrustedAgent(api)
    for (let nth = 0; nth < 60; nth += 1)
      await attacker.tell([{ ...ours, status: nth % 2 ? 'AVAILABLE' : 'TESTING' }])
    const history = (await read('noisy')).history ?? []
    expect(history.length).toBeLessThan(60)
    expect(history.at(-1)).toMatchObject({ agentId: honest.agentId })
    expect(history[0]).not.toHaveProperty('trusted')
  })

  test('fill neither a module nor the registry, and what has trust still has room', async () => {
    const fat = 'x'.repeat(60_000)
    const many = await Promise.all(Array.from({ length: 8 }, () => untrustedAgent(api)))
    const fill = (name: string) =>
      Array.from({ length: 10 }, (_, nth) => named(name, `${nth}.0.0`, { description: fat }))
    const answers = []
    for (const attacker of many) answers.push(await attacker.tell(fill('fat')))
    const reasons = answers.flatMap(({ withheld = [] }) => withheld.map((one) => one.reason))
    expect(reasons.filter((reason) => reason.startsWith('Too many modules await')).length).toBeGreaterThan(0)
    const bytes = JSON.stringify((await api.deps.store.modules.get('fat'))?.awaiting).length
    expect(bytes).toBeLessThan(4.5 * 1024 * 1024)

    const [attacker] = many
    const names = Array.from({ length: 150 }, (_, nth) => named(`aaa-${nth}`))
    const { withheld = [] } = (await attacker?.tell(names)) ?? {}
    expect(withheld.filter((one) => one.needsApproval).length).toBeLessThanOrEqual(100)
    expect(withheld.filter((one) => !one.needsApproval).length).toBeGreaterThanOrEqual(50)

    const honest = await scriptedAgent(api)
    await honest.has([named('fat', '3.0.0'), named('aaa-149')])
    expect(await statusOn('fat', honest.agentId)).toEqual(['AVAILABLE'])
    expect(await statusOn('aaa-149', honest.agentId)).toEqual(['AVAILABLE'])
    for (const one of many) await one.tell([])
    expect(await api.deps.store.modules.get('aaa-0')).toBeNull()
  })

  test.each([
    [
      'more versions of a module than one may have',
      (name: string) => Array.from({ length: 11 }, (_, nth) => named(name, `${nth}.0.0`)),
      /10 versions/,
    ],
    ['the same twice', (name: string) => [named(name), named(name)], /reported twice/],
    [
      'a manifest that is too long',
      (name: string) => [named(name, '1.0.0', { description: 'x'.repeat(70_000) })],
      /manifest has more than/,
    ],
  ])('take not %s', async (what, modules, reason) => {
    const attacker = await untrustedAgent(api)
    const { withheld = [] } = await attacker.tell(modules(`odd-${what.length}`))
    expect(withheld.filter((one) => !one.needsApproval)).toMatchObject([
      { reason: expect.stringMatching(reason) },
    ])
  })

  test('keep no long texts of theirs', async () => {
    const attacker = await untrustedAgent(api)
    await attacker.tell([
      { ...named('wordy'), status: 'ERROR', error: 'e'.repeat(16_000), path: 'p'.repeat(100_000) },
    ])
    const [shown] = (await read('wordy')).agents
    expect([shown?.error?.length, shown?.path.length]).toEqual([1000, 1000])
  })
})

test('an agent whose session has ended leaves nothing that awaits approval', async () => {
  const attacker = await untrustedAgent(api)
  await attacker.tell([named('gone')])
  await tick(api.deps)
  // As many ticks as have to be seen before silence counts, and then one after it.
  for (let seconds = 0; seconds <= api.deps.limits.sessionTtlSeconds + 2; seconds += 2) {
    clock.forward(2)
    await tick(api.deps)
  }
  expect((await api.deps.store.agents.get(attacker.agentId))?.sessionEndedAt).not.toBeNull()
  expect(await api.deps.store.modules.get('gone')).toBeNull()
  await attacker.registerAgain()
  await attacker.tell([named('gone')])
  expect((await read('gone')).awaitingApproval).toHaveLength(1)
})

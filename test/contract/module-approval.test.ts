import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { problemOf } from '../support/problem-of.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { agentWithKey, untrustedAgent } from '../support/untrusted-agent.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const named = (name: string, version = '1.0.0', more: object = {}) =>
  availableModule({ name, version, outputs: [{ key: 'said', type: 'text' }], ...more })
const read = (name: string) => api.client.module(name)
const approve = (name: string, body: object, more: object = {}) =>
  api.post(`/api/modules/${name}/approve`, body, more)
const statusOn = async (name: string, agentId: string) =>
  (await read(name)).agents.filter((one) => one.agentId === agentId).map((one) => one.status)

describe('a key of an agent', () => {
  test('may serve every module and is trusted unless it says otherwise, and shows that', async () => {
    const plain = await api.client.createKey({ name: 'as ever', scopes: ['agent'] })
    expect(plain.key).toMatchObject({ modules: ['*'], trusted: true })
    const narrow = await api.client.createKey({
      name: 'narrow',
      scopes: ['agent', 'read'],
      modules: ['ocr-*', 'faces'],
      trusted: false,
    })
    expect(narrow.key).toMatchObject({ modules: ['ocr-*', 'faces'], trusted: false })
    const { items } = await (await api.request('/api/keys?limit=2')).json()
    expect(items).toEqual([narrow.key, plain.key])
    const [entry] = (await (await api.request(`/api/audit?subject=${narrow.key.id}`)).json()).items
    expect(entry.detail).toMatchObject({ modules: ['ocr-*', 'faces'], trusted: false })
  })

  test('from before such rights existed works as before', async () => {
    const { key, secret } = await api.client.createKey({ name: 'old', scopes: ['agent'] })
    const known = await api.deps.store.keys.get(key.id)
    if (!known || !secret) throw new Error('no key')
    const { modules: _, trusted: __, ...old } = known
    await api.deps.store.keys.remove(key.id)
    await api.deps.store.keys.insert(old as typeof known)
    const agent = await scriptedAgent(api, { key: secret })
    await agent.has([named('of-old')])
    expect(await statusOn('of-old', agent.agentId)).toEqual(['AVAILABLE'])
    const { items } = await (await api.request('/api/keys?limit=200')).json()
    expect(items.find((one: { id: string }) => one.id === key.id)).toMatchObject({
      modules: ['*'],
      trusted: true,
    })
  })

  test.each([
    ['modules of a key that no agent can use', { scopes: ['read'], modules: ['*'] }, '/modules'],
    ['trust in a key that no agent can use', { scopes: ['write'], trusted: true }, '/trusted'],
    ['less for an admin, who may do everything', { scopes: ['admin', 'agent'], trusted: false }, '/trusted'],
    ['no module at all', { scopes: ['agent'], modules: [] }, '/modules'],
    ['a name in capitals', { scopes: ['agent'], modules: ['OCR'] }, '/modules/0'],
    ['a letter that only looks alike', { scopes: ['agent'], modules: ['осr'] }, '/modules/0'],
    ['a star in the middle', { scopes: ['agent'], modules: ['o*r'] }, '/modules/0'],
    ['two stars', { scopes: ['agent'], modules: ['**'] }, '/modules/0'],
    ['a pattern that is too long', { scopes: ['agent'], modules: [`${'a'.repeat(64)}*`] }, '/modules/0'],
  ])('takes not %s', async (_, body, path) => {
    const answer = await api.post('/api/keys', { name: 'odd', ...body })
    expect(answer.status).toBe(422)
    expect((await problemOf(answer)).errors?.map((one) => one.path)).toEqual([path])
  })
})

describe('modules that a key may not serve', () => {
  test('are left out of the registry, and the answer and the agent say why', async () => {
    const agent = await agentWithKey(api, { modules: ['served', 'served-*'] })
    const [mine, also, other] = [named('served'), named('served-too'), named('servedother')]
    const { withheld, modules } = await agent.tell([mine, also, other])
    expect(modules).toEqual({ served: 'enabled', 'served-too': 'enabled' })
    expect(withheld).toEqual([
      {
        name: 'servedother',
        version: '1.0.0',
        digest: other.digest,
        reason: expect.stringMatching(
          /may serve served, served-\* and not servedother.*Give the agent a key/,
        ),
        needsApproval: false,
      },
    ])
    expect((await api.request('/api/modules/servedother')).status).toBe(404)
    const answer = await (await api.request(`/api/agents/${agent.agentId}`)).json()
    expect(answer.agent).toMatchObject({
      trusted: true,
      leftOut: [{ name: 'servedother', reason: expect.stringContaining('may serve') }],
    })
    await agent.tell([mine])
    expect((await (await api.request(`/api/agents/${agent.agentId}`)).json()).agent.leftOut).toEqual([])
  })

  test('give it no tasks, whatever it offers, and no room is kept for them', async () => {
    const honest = await scriptedAgent(api)
    await honest.has([named('guarded')])
    const agent = await agentWithKey(api, { modules: ['harmless'] })
    await agent.tell([named('guarded'), named('guarded', '9.0.0'), named('harmless')])
    const task = await api.client.createTask({ module: 'guarded' })
    for (const max of [0, 1])
      for (const offer of [named('guarded'), named('guarded', '9.0.0')])
        expect(await agent.claim([offer], undefined, max)).toBeNull()
    expect((await honest.claim([named('guarded')]))?.run).toBe(`${task.id}.1`)
  })

  test('get no install log from it', async () => {
    const agent = await agentWithKey(api, { modules: ['harmless'] })
    const lines = [{ n: 1, at: new Date().toISOString(), stream: 'agent', line: 'all is well' }]
    const answer = await agent.call('modules/guarded/install-log', {
      sessionId: agent.sessionId,
      digest: 'd',
      lines,
    })
    expect(answer.status).toBe(403)
    expect((await problemOf(answer)).detail).toMatch(/may serve harmless and not guarded/)
  })
})

describe('contents that only an agent without trust has', () => {
  test('await approval: listed, without tasks, and no module that a task may name', async () => {
    const agent = await untrustedAgent(api)
    const ours = named('fresh')
    const { withheld } = await agent.tell([ours])
    expect(withheld).toEqual([
      {
        name: 'fresh',
        version: '1.0.0',
        digest: ours.digest,
        reason: expect.stringMatching(/Awaits approval.*POST \/api\/modules\/fresh\/approve/),
        needsApproval: true,
      },
    ])
    expect((await agent.heartbeat([])).awaiting).toBe(1)
    const module = await read('fresh')
    expect(module).toMatchObject({ status: 'ERROR', versions: [] })
    const waits = { agentId: agent.agentId, version: '1.0.0', digest: ours.digest, since: expect.any(String) }
    expect(module.awaitingApproval).toEqual([waits])
    expect(module.agents).toMatchObject([
      {
        agentId: agent.agentId,
        status: 'ERROR',
        needsApproval: true,
        error: expect.stringContaining('approve'),
      },
    ])
    const { items } = await api.client.listModules({ limit: 200 })
    expect(items.find((one) => one.name === 'fresh')?.awaitingApproval).toEqual([waits])
    const refused = await api.post('/api/tasks', { module: 'fresh', inputs: {} })
    expect(refused.status).toBe(422)
    expect(await problemOf(refused)).toMatchObject({
      code: 'module_not_found',
      detail: expect.stringMatching(/fresh awaits approval.*\/approve/),
    })
  })

  test('serve once an admin approves them by version and digest, and the same again changes nothing', async () => {
    const agent = await untrustedAgent(api)
    const ours = named('approved')
    await agent.tell([ours])
    const body = { version: '1.0.0', digest: ours.digest }
    const answers = [await approve('approved', body), await approve('approved', body)]
    expect(answers.map((one) => one.status)).toEqual([200, 200])
    expect(await answers[0]?.json().then(({ module }) => module)).toMatchObject({
      status: 'AVAILABLE',
      version: '1.0.0',
      awaitingApproval: [],
      agents: [{ agentId: agent.agentId, status: 'AVAILABLE', needsApproval: false }],
    })
    expect((await agent.heartbeat([])).awaiting).toBe(0)
    expect(await agent.tell([ours])).toEqual({ modules: { approved: 'enabled' } })
    const task = await api.client.createTask({ module: 'approved' })
    expect((await agent.claim([ours]))?.run).toBe(`${task.id}.1`)
    const { items } = await (await api.request('/api/audit?subject=approved')).json()
    expect(items).toMatchObject([
      { action: 'module.approve', detail: body },
      { action: 'module.approve', detail: { ...body, contents: [body] } },
    ])
    // What is approved stays so, on whatever agent.
    await agent.tell([])
    const second = await untrustedAgent(api)
    await second.tell([ours])
    expect(await statusOn('approved', second.agentId)).toEqual(['AVAILABLE'])
    expect((await approve('approved', body)).status).toBe(200)
  })

  test('serve once all that the agent has is approved, and not what it has later', async () => {
    const agent = await untrustedAgent(api)
    const [one, two, later] = [named('whole'), named('whole', '1.1.0'), named('whole', '1.2.0')]
    await agent.tell([one, two])
    expect((await approve('whole', { agent: agent.agentId })).status).toBe(200)
    expect(await statusOn('whole', agent.agentId)).toEqual(['AVAILABLE', 'AVAILABLE'])
    const [entry] = (await (await api.request('/api/audit?subject=whole')).json()).items
    expect(entry.detail.contents.map((of: { version: string }) => of.version)).toEqual(['1.0.0', '1.1.0'])
    await agent.tell([one, two, later])
    expect(await read('whole')).toMatchObject({ version: '1.1.0', awaitingApproval: [{ version: '1.2.0' }] })
  })

  test('serve once an agent with trust has the same, before or after', async () => {
    const early = await untrustedAgent(api)
    const ours = named('vouched')
    await early.tell([ours])
    const honest = await scriptedAgent(api)
    await honest.has([{ ...ours, status: 'TESTING' }])
    expect(await statusOn('vouched', early.agentId)).toEqual(['ERROR'])
    await honest.has([ours])
    expect(await statusOn('vouched', early.agentId)).toEqual(['AVAILABLE'])
    await honest.has([])
    const late = await untrustedAgent(api)
    await late.tell([ours])
    expect(await statusOn('vouched', late.agentId)).toEqual(['AVAILABLE'])
  })

  test('serve where agents reported the same before approvals existed', async () => {
    const honest = await scriptedAgent(api)
    const ours = named('of-before')
    await honest.has([ours])
    await api.deps.store.modules.change('of-before', (doc) => ({ ...doc, approved: [] }))
    const agent = await untrustedAgent(api)
    await agent.tell([ours, named('of-before', '2.0.0')])
    expect(await statusOn('of-before', agent.agentId)).toEqual(['AVAILABLE', 'ERROR'])
  })

  test('serve together with other contents of that version after an admin approved them', async () => {
    const honest = await scriptedAgent(api)
    const [ours, theirs] = [named('shared'), named('shared', '1.0.0', { description: 'built elsewhere' })]
    await honest.has([ours])
    const agent = await untrustedAgent(api)
    await agent.tell([theirs])
    await approve('shared', { version: '1.0.0', digest: theirs.digest })
    expect(await statusOn('shared', honest.agentId)).toEqual(['AVAILABLE'])
    expect(await statusOn('shared', agent.agentId)).toEqual(['AVAILABLE'])
    await api.client.createTask({ module: 'shared' })
    expect((await agent.claim([theirs]))?.module.digest).toBe(theirs.digest)
  })

  test('go with the agent, and come back with it', async () => {
    const agent = await untrustedAgent(api)
    await agent.tell([named('fleeting')])
    await agent.tell([])
    expect((await api.request('/api/modules/fleeting')).status).toBe(404)
    expect(await api.deps.store.modules.get('fleeting')).toBeNull()
    await agent.tell([named('fleeting')])
    expect((await read('fleeting')).awaitingApproval).toHaveLength(1)
  })
})

describe('approval', () => {
  test('is for admins: neither an agent, nor who writes', async () => {
    const agent = await untrustedAgent(api)
    const ours = named('not-by-itself')
    await agent.tell([ours])
    const { secret } = await api.client.createKey({
      name: 'writer',
      scopes: ['write', 'agent'],
      trusted: false,
    })
    const body = { version: '1.0.0', digest: ours.digest }
    for (const key of [agent.key, secret ?? '']) {
      expect((await approve('not-by-itself', body, { key })).status).toBe(403)
      expect((await api.post('/api/keys', { name: 'me', scopes: ['agent'] }, { key })).status).toBe(403)
    }
    await agent.registerAgain({ trusted: true, modules: ['*'] })
    await agent.tell([{ ...ours, trusted: true } as typeof ours])
    expect(await statusOn('not-by-itself', agent.agentId)).toEqual(['ERROR'])
  })

  test.each([
    ['nothing', {}, ''],
    ['a version alone', { version: '1.0.0' }, ''],
    ['an unknown digest', { version: '1.0.0', digest: 'other' }, '/digest'],
    ['an agent that has nothing', { agent: 'agt_01ARZ3NDEKTSV4RRFFQ69G5FAV' }, '/agent'],
    ['what is no agent', { agent: 'me' }, '/agent'],
  ])('names %s: 422', async (_, body, path) => {
    const agent = await untrustedAgent(api)
    await agent.tell([named('named-badly')])
    const answer = await approve('named-badly', body)
    expect(answer.status).toBe(422)
    expect((await problemOf(answer)).errors?.map((one) => one.path)).toEqual([path])
  })

  test('of an unknown module: 404', async () => {
    expect((await approve('unknown', { version: '1.0.0', digest: 'd' })).status).toBe(404)
  })
})

import type { Module } from '@millrace/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api-in-process.ts'
import { refusalOf } from '../support/problem-of.ts'
import { availableModule, scriptedAgent } from '../support/scripted-agent.ts'
import { until } from '../support/until.ts'

let api: TestApi
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

const said = [{ key: 'said', type: 'text' }]
const named = (name: string, version = '1.0.0', more: object = {}) =>
  availableModule({ name, version, outputs: said, ...more })
const post = async (path: string) => api.request(path, { method: 'POST' })
const read = (name: string): Promise<Module> => api.client.module(name)
const say = { outcome: 'succeeded' as const, result: { said: { value: 'a' } } }

describe('a disabled module', () => {
  test('takes no new task, ends what runs, and goes on with what waited when it is enabled', async () => {
    const agent = await scriptedAgent(api)
    const echo = named('switched')
    await agent.has([echo])
    const running = await api.client.createTask({ module: 'switched' })
    expect((await agent.claim([echo]))?.run).toBe(`${running.id}.1`)

    const disabled = await post('/api/modules/switched/disable')
    expect(disabled.status).toBe(202)
    expect((await disabled.json()).module).toMatchObject({
      status: 'DISABLED',
      agents: [{ status: 'DISABLED' }],
    })
    const waiting = await api.client.createTask({ module: 'switched' })
    expect(await agent.claim([echo])).toBeNull()
    expect(await agent.finish(`${running.id}.1`, say)).toEqual({ applied: true })
    expect((await api.client.task(running.id)).status).toBe('succeeded')

    expect((await agent.heartbeat([])).modules).toEqual({ switched: 'disabled' })
    expect((await post('/api/modules/switched/enable')).status).toBe(202)
    expect((await agent.heartbeat([])).modules).toEqual({ switched: 'enabled' })
    expect((await read('switched')).status).toBe('AVAILABLE')
    expect((await agent.claim([echo]))?.run).toBe(`${waiting.id}.1`)
  })

  test('stays so for agents that come later', async () => {
    const first = await scriptedAgent(api)
    await first.has([named('stays')])
    await post('/api/modules/stays/disable')
    const second = await scriptedAgent(api)
    const answer = await second.call(
      'modules',
      { sessionId: second.sessionId, modules: [named('stays')] },
      'PUT',
    )
    expect(await answer.json()).toEqual({ modules: { stays: 'disabled' } })
    await api.client.createTask({ module: 'stays' })
    expect(await second.claim([named('stays')])).toBeNull()
  })
})

test('the same name and version with other contents is an ERROR on the second agent, until the first is gone', async () => {
  const first = await scriptedAgent(api)
  const second = await scriptedAgent(api)
  const [ours, theirs] = [named('double'), named('double', '1.0.0', { description: 'other contents' })]
  await first.has([ours])
  await second.has([theirs])
  const agents = (await read('double')).agents
  expect(agents.map((one) => [one.agentId, one.status])).toEqual([
    [first.agentId, 'AVAILABLE'],
    [second.agentId, 'ERROR'],
  ])
  expect(agents[1]?.error).toContain(first.agentId)
  await api.client.createTask({ module: 'double' })
  expect(await second.claim([theirs])).toBeNull()
  await first.has([])
  expect((await second.claim([theirs]))?.module.digest).toBe(theirs.digest)
})

test('its history lists what each agent reported, newest first', async () => {
  const agent = await scriptedAgent(api)
  const echo = named('reported')
  await agent.has([{ ...echo, status: 'INSTALLING', manifest: echo.manifest }])
  await agent.has([{ ...echo, status: 'ERROR', error: 'no disk' }])
  await agent.has([{ ...echo, status: 'ERROR', error: 'no disk' }])
  await agent.has([echo])
  const other = named('reported', '2.0.0')
  await agent.has([other])
  const moves = (await read('reported')).history?.map(({ version, status, error }) => [
    version,
    status,
    error,
  ])
  expect(moves).toEqual([
    ['2.0.0', 'AVAILABLE', null],
    ['1.0.0', null, null],
    ['1.0.0', 'AVAILABLE', null],
    ['1.0.0', 'ERROR', 'no disk'],
    ['1.0.0', 'INSTALLING', null],
  ])
  const { items } = await api.client.listModules({ limit: 200 })
  expect(items.find((one) => one.name === 'reported')).not.toHaveProperty('history')
})

describe('several versions side by side', () => {
  test('a task may pin one, and gets the newest otherwise', async () => {
    const agent = await scriptedAgent(api)
    const [old, fresh] = [named('versions', '1.9.0'), named('versions', '1.10.0')]
    await agent.has([old, fresh])
    expect(await read('versions')).toMatchObject({ version: '1.10.0', versions: ['1.10.0', '1.9.0'] })
    const any = await api.client.createTask({ module: 'versions' })
    const pinned = await api.client.createTask({ module: 'versions', version: '1.9.0' })
    const granted = [await agent.claim([old, fresh]), await agent.claim([old, fresh])]
    expect(granted.map((grant) => [grant?.run, grant?.module.version])).toEqual([
      [`${any.id}.1`, '1.10.0'],
      [`${pinned.id}.1`, '1.9.0'],
    ])
  })

  test('a version that lacks an output or an input is not given the task', async () => {
    const agent = await scriptedAgent(api)
    const more = {
      inputs: [{ key: 'text', type: 'text', required: false }],
      outputs: [...said, { key: 'x', type: 'json' }],
    }
    const [old, fresh] = [named('grown', '1.0.0'), named('grown', '2.0.0', more)]
    await agent.has([old, fresh])
    const task = await api.client.createTask({ module: 'grown', inputs: { text: 'a' } })
    expect(await agent.claim([old])).toBeNull()
    expect((await agent.claim([old, fresh]))?.run).toBe(`${task.id}.1`)
  })
})

describe('asked to retry or to test', () => {
  test.each(['retry', 'test'] as const)('%s reaches every agent that has the module, once', async (kind) => {
    const agent = await scriptedAgent(api)
    await agent.has([named(`asked-${kind}`)])
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await post(`/api/modules/asked-${kind}/${kind}`)
      expect(answer.status).toBe(202)
      expect(await answer.json()).toEqual({ agents: [agent.agentId] })
    }
    const { commands } = await agent.heartbeat([])
    expect(commands).toMatchObject([{ kind, module: `asked-${kind}` }])
    const done = commands.flatMap((command) => ('id' in command ? [command.id] : []))
    await agent.heartbeat([], { done })
    expect((await agent.heartbeat([])).commands).toEqual([])
  })

  test.each(['retry', 'test', 'enable', 'disable'])('404 for %s of an unknown module', async (kind) => {
    expect(await refusalOf(await post(`/api/modules/nothing/${kind}`))).toEqual({
      status: 404,
      code: 'not_found',
    })
  })
})

test('the install log can be followed while its lines come', async () => {
  const agent = await scriptedAgent(api)
  const echo = named('followed')
  await agent.has([echo])
  const add = (from: number, ...texts: string[]) =>
    agent.call('modules/followed/install-log', {
      sessionId: agent.sessionId,
      digest: echo.digest,
      lines: texts.map((line, at) => ({ n: from + at, at: new Date().toISOString(), stream: 'agent', line })),
    })
  await add(1, 'one', 'two')
  const response = await api.request('/api/modules/followed/install-log?follow=1')
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const reading = (async () => {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) text += next.value
  })()
  await until('the earlier lines', 5, () => text.includes('"two"'))
  await add(3, 'three')
  await until('the line that came', 5, () => text.includes('"three"'))
  await reader?.cancel()
  await reading
  expect(text.match(/"line":"\w+"/g)).toEqual(['"line":"one"', '"line":"two"', '"line":"three"'])
  const since = await (await api.request('/api/modules/followed/install-log?since=2')).text()
  expect(since.trim().split('\n')).toHaveLength(1)
})

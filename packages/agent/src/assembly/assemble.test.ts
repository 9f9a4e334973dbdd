import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { readConfig } from '../config/config.ts'
import { endAgent } from '../end-agent.ts'
import { assemble } from './assemble.ts'

test('each part subscribes to its signals, in the required order', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-assembly-'))
  const config = readConfig({
    ...{ AGENT_HOME: home, MODULES_DIR: join(home, 'modules'), MILLRACE_AGENT_KEY: 'mlr_key' },
    MILLRACE_URL: 'http://127.0.0.1:9',
  })
  const agent = await assemble(config, pino({ level: 'silent' }), [])
  const listeners = Object.entries(agent.signals).map(([name, signal]) => [name, signal.listeners])
  expect(Object.fromEntries(listeners)).toEqual({
    gpusRead: ['ledger'],
    gpusChanged: ['catalogue'],
    diskSpaceChanged: ['catalogue'],
    // Dead connections are dropped before the first retry.
    machineWoke: ['connections', 'reporter', 'transport'],
    settingsChanged: ['secrets', 'warm pool', 'catalogue'],
    // The password is masked before the transport uses it.
    registered: ['secrets', 'inventory', 'transport', 'runs'],
    apiIsBack: ['reporter', 'transport'],
    modulesChanged: ['inventory'],
    capacityChanged: ['transport'],
    assigned: ['runs'],
    roomWanted: ['offering'],
    commanded: ['commands'],
    // The disk is read before the transport claims the next run.
    runEnded: ['disk space', 'transport'],
  })
  expect(agent.ledger.evicted.listeners).toEqual(['warm pool'])
  await endAgent(agent, 'shutdown', Promise.resolve())
  await rm(home, { recursive: true })
})

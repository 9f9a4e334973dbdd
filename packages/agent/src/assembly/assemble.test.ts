import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { readConfig } from '../config/config.ts'
import { endAgent } from '../end-agent.ts'
import { assemble } from './assemble.ts'

test('each part hears of what concerns it, in an order that matters', async () => {
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
    // Dead connections are forgotten before anything is sent again.
    machineWoke: ['connections', 'reporter', 'transport'],
    settingsChanged: ['secrets', 'warm pool', 'catalogue'],
    // The password is a secret before the transport uses it.
    registered: ['secrets', 'inventory', 'transport', 'runs'],
    apiIsBack: ['reporter', 'transport'],
    modulesChanged: ['inventory'],
    capacityChanged: ['transport'],
    assigned: ['runs'],
    roomWanted: ['offering'],
    commanded: ['commands'],
    // The disk is looked at before the transport asks for the next run.
    runEnded: ['disk space', 'transport'],
  })
  expect(agent.ledger.evicted.listeners).toEqual(['warm pool'])
  await endAgent(agent, 'shutdown', Promise.resolve())
  await rm(home, { recursive: true })
})

import { type ApiPorts, openPorts, readConfig } from '@millrace/api'
import type { Client } from '@millrace/client'
import { pino } from 'pino'
import { inject } from 'vitest'
import { type AgentProcess, agentProcess } from './agent-process.ts'
import { ownDatabase } from './api-in-process.ts'
import { type ApiProcess, apiProcess } from './api-process.ts'

export type Installation = {
  api: ApiProcess
  agent: AgentProcess
  client: Client
  store: ApiPorts['store']
  close(): Promise<void>
}

/** An API and an agent as processes, over the shared servers, with the modules that a test needs. */
export async function installation(
  modules: readonly string[],
  env: {
    api?: Record<string, string>
    agent?: Record<string, string>
    servers?: Record<string, string>
  } = {},
): Promise<Installation> {
  const servers: Record<string, string> = { ...inject('servers'), ...env.servers }
  const apiEnv = {
    ...servers,
    MONGODB_URL: env.servers?.MONGODB_URL ?? ownDatabase(servers.MONGODB_URL ?? ''),
    ...env.api,
  }
  const { store, bus } = openPorts(readConfig(apiEnv), pino({ level: 'silent' }))
  const api = await apiProcess(apiEnv, 'an-admin-key-for-tests')
  await api.start()
  const { secret } = await api.client.createKey({ name: 'agent', scopes: ['agent'] })
  const agent = await agentProcess(api.url, secret ?? '', modules, { MAX_RUNS: '2', ...env.agent })
  agent.start()
  return {
    api,
    agent,
    client: api.client,
    store,
    async close() {
      await agent.close()
      await api.stop()
      await bus.close()
      await store.close()
    },
  }
}

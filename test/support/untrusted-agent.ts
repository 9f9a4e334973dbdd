import { InventoryAnswer, type InventoryModule } from '@millrace/shared'
import type { TestApi } from './api-in-process.ts'
import { scriptedAgent } from './scripted-agent.ts'

/** A scripted agent whose key says what it may serve, and whether it is trusted. */
export async function agentWithKey(
  api: TestApi,
  rights: { modules?: string[]; trusted?: boolean },
  options: { agentId?: `agt_${string}` } = {},
) {
  const { secret } = await api.client.createKey({ name: 'agent', scopes: ['agent'], ...rights })
  if (!secret) throw new Error('the key has no secret')
  const agent = await scriptedAgent(api, { key: secret, ...options })
  const tell = async (modules: InventoryModule[]): Promise<InventoryAnswer> => {
    const answer = await agent.call('modules', { sessionId: agent.sessionId, modules }, 'PUT')
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
    return InventoryAnswer.parse(await answer.json())
  }
  return Object.assign(agent, { tell })
}

export const untrustedAgent = (api: TestApi) => agentWithKey(api, { trusted: false })

import { randomUUID } from 'node:crypto'
import { connect } from '@millrace/client'
import type { SpawnedInstallation } from '@millrace/infra'
import { ClaimAnswer, type Grant, RegisterAnswer } from '@millrace/shared'
import { ask } from './http.ts'

const text = { key: 'text', type: 'text', required: false }
const said = { key: 'said', type: 'text' }

/** An agent with one module that it never runs, to measure the API alone. */
export async function pretendAgent(installation: SpawnedInstallation, name: string) {
  const client = connect({ url: installation.url, key: installation.adminKey })
  const { secret } = await client.createKey({ name, scopes: ['agent'] })
  const base = { url: installation.url, adminKey: secret ?? '' }
  const { sessionId } = RegisterAnswer.parse(
    await ask(base, 'POST', '/agent/v1/register', {
      name,
      instanceId: randomUUID(),
      heldRuns: [],
      platform: { os: 'linux' },
      version: '0',
      labels: [],
      gpus: [],
    }),
  )
  const module = { name, version: '1.0.0', digest: 'd'.repeat(64) }
  const beat = () => ask(base, 'POST', '/agent/v1/heartbeat', { sessionId, runs: [], gpus: [], load: {} })
  await ask(base, 'PUT', '/agent/v1/modules', {
    sessionId,
    modules: [
      {
        ...module,
        status: 'AVAILABLE',
        manifest: { name, version: '1.0.0', inputs: [text], outputs: [said] },
        path: '/nowhere',
      },
    ],
  })
  return {
    beat,
    async claim(): Promise<Grant> {
      const offers = [{ module: name, version: module.version, digest: module.digest, max: 1, warm: 0 }]
      const answer = ClaimAnswer.parse(
        await ask(base, 'POST', '/agent/v1/claim', { sessionId, claimId: randomUUID(), offers }),
      )
      if (!answer.grant) throw new Error('nothing to claim')
      return answer.grant
    },
    finish: (run: string) =>
      ask(base, 'POST', `/agent/v1/runs/${run}/finish`, {
        sessionId,
        outcome: 'succeeded',
        result: { said: { value: 'x' } },
      }),
  }
}

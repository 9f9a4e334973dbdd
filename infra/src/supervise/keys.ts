import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { keptSecret, randomSecret, readIfThere, writeSecretFile } from '../home/secret-file.ts'
import type { Settings } from './settings.ts'

const adminKeyFile = (home: string) => join(home, 'admin-key')
const agentKeyFile = (home: string) => join(home, 'agent-key')

/** The configured admin key, else the one in the home, made at the first start. `file` shows people where it is. */
export async function adminKey({ adminKey: given, home }: Settings): Promise<{ key: string; file?: string }> {
  if (given) return { key: given }
  const file = adminKeyFile(home)
  return { key: await keptSecret(file, () => `mr_admin_${randomSecret()}`), file }
}

/** The local agent's key, stored in the home; replaced when it is missing or the API does not know it. */
export async function agentKey(home: string, url: string, admin: string): Promise<string> {
  const file = agentKeyFile(home)
  const kept = await keptAgentKey(home)
  if (kept && (await isKnown(url, kept))) return kept
  const made = await makeAgentKey(url, admin)
  await writeSecretFile(file, `${made}\n`)
  return made
}

export async function keptAgentKey(home: string): Promise<string | undefined> {
  const kept = (await readIfThere(agentKeyFile(home)))?.trim()
  if (kept) await chmod(agentKeyFile(home), 0o600) // a copy of the folder may have lost the mode
  return kept || undefined
}

/** An agent's key may not list keys (403), but a key that was revoked or lost with its database is 401. */
async function isKnown(url: string, key: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/keys`, { headers: { authorization: `Bearer ${key}` } })
  await answer.body?.cancel()
  return answer.status !== 401
}

async function makeAgentKey(url: string, admin: string): Promise<string> {
  const answer = await fetch(`${url}/api/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'local agent', scopes: ['agent'], modules: ['*'], trusted: true }),
  })
  if (!answer.ok) {
    throw new Error(`the API made no agent key: ${answer.status} ${(await answer.text()).slice(0, 300)}`)
  }
  const body: unknown = await answer.json()
  if (body && typeof body === 'object' && 'secret' in body && typeof body.secret === 'string')
    return body.secret
  throw new Error('the API made an agent key without a secret')
}

import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@millrace/client'
import { agentProcess } from './agent-process.ts'
import { type ApiProcess, apiProcess } from './api-process.ts'
import { breakable, type CutKind } from './breakable.ts'
import { observedHttp } from './observed-http.ts'
import { isFinishAnswered, type Seen, type Step, steps } from './steps-of-a-task.ts'
import { until } from './until.ts'

const adminKey = 'an-admin-key-for-tests'
const module = 'carry'

/**
 * Two agents that share a separate module, behind connections that break. Each has its own way to the API; those to NATS
 * and to the store are named by the API to all of its agents, so the two share them, and have an API for themselves.
 */
export async function cutRig(name: string, env: Record<string, string>, queue: string) {
  const s3 = await observedHttp(env.S3_ENDPOINT ?? '')
  let onNats = (_to: 'server' | 'client', _text: string) => undefined as unknown
  const nats = await breakable(env.NATS_URL ?? '', (_link, to, bytes) => onNats(to, bytes.toString('latin1')))
  const api = await apiProcess(
    {
      ...env,
      S3_PUBLIC_ENDPOINT: s3.url,
      NATS_PUBLIC_URL: nats.url,
      SESSION_TTL_SECONDS: '2',
      HEARTBEAT_SECONDS: '0.4',
    },
    adminKey,
  )
  await api.start()
  const agents = await Promise.all(
    [0, 1].map((n) => rigAgent(api, `${name}-${n}`, `${module}-${name}`, queue)),
  )
  await until('both agents have their module', 120, async () => {
    const { agents: on } = await api.client.module(`${module}-${name}`)
    return on.filter(({ status }) => status === 'AVAILABLE').length === agents.length
  })

  return {
    client: api.client,
    module: `${module}-${name}`,
    agents,
    /** Cuts what the step is about, on the one agent's side, the next time that the agent takes it. Resolves then. */
    arm(n: number, step: Step, kind: CutKind): Armed {
      const agent = agents[n % agents.length]
      if (!agent) throw new Error('no such agent')
      const hit = Promise.withResolvers<void>()
      const [isStep, ...servers] = steps[step]
      const ways = { api: agent.way, nats, s3 }
      let isHit = false
      const cut = () => {
        if (isHit) return
        isHit = true
        for (const server of servers) ways[server].cut(kind)
        hit.resolve()
      }
      const look = (seen: Seen) => {
        if (!isHit && isStep(seen)) cut()
      }
      agent.way.onMoment = (moment, request) => {
        look({ server: 'api', moment, request })
        const run = /runs\/([^/]+)\/finish$/.exec(request.path)?.[1]
        if (step === 'spool empty' && run && isFinishAnswered(moment, request))
          void goneFrom(join(agent.home, 'spool', `${run}.json`)).then(cut)
      }
      s3.onMoment = (moment, request) => look({ server: 's3', moment, request })
      onNats = (to, text) => look({ server: 'nats', to, text })
      return {
        hit: hit.promise,
        isHit: () => isHit,
        mend() {
          isHit = true
          for (const server of servers) ways[server].mend()
        },
      }
    },
    async close() {
      for (const { process, way } of agents) {
        await process.close()
        way.close()
      }
      await api.stop()
      s3.close()
      nats.close()
    },
  }
}

export type CutRig = Awaited<ReturnType<typeof cutRig>>
export type Armed = { hit: Promise<void>; isHit(): boolean; mend(): void }

async function rigAgent(api: ApiProcess, name: string, moduleName: string, queue: string) {
  const way = await observedHttp(api.url)
  const { secret } = await api.client.createKey({ name, scopes: ['agent'] })
  const process = await agentProcess(way.url, secret ?? '', [module], {
    AGENT_NAME: name,
    MAX_RUNS: '1',
    MILLRACE_QUEUE: queue,
  })
  const manifest = join(process.modulesDir, module, 'module.json')
  await writeFile(
    manifest,
    JSON.stringify({ ...JSON.parse(await readFile(manifest, 'utf8')), name: moduleName }),
  )
  process.start()
  return { way, process, home: join(process.home, 'agent') }
}

async function goneFrom(path: string): Promise<void> {
  while (existsSync(path)) await pause(1)
}

export const taskEnded = (client: Client, id: `tsk_${string}`, seconds: number) =>
  until(`task ${id} has ended`, seconds, async () => {
    const task = await client.task(id)
    return task.finishedAt !== null && task
  })

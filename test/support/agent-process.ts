import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Client } from '@millrace/client'
import { littleMemory } from '@millrace/infra'
import { type Program, startProgram } from './program.ts'
import { until } from './until.ts'

const root = resolve(import.meta.dirname, '../..')
const entry = join(root, 'packages/agent/src/main.ts')

const places = ['modules', 'test/modules', 'packages/agent/fixtures']
export function fixtureFolder(module: string): string {
  const folder = places.map((place) => join(root, place, module)).find(existsSync)
  if (!folder) throw new Error(`no module ${module} in ${places.join(', ')}`)
  return folder
}

/** An agent as a separate process, with these modules; a test may kill it and start it again on its home. */
export async function agentProcess(
  url: string,
  key: string,
  modules: readonly string[],
  env: Record<string, string> = {},
) {
  const home = await mkdtemp(join(tmpdir(), 'millrace-agent-'))
  const modulesDir = join(home, 'watched')
  await mkdir(modulesDir)
  for (const module of modules)
    await cp(fixtureFolder(module), join(modulesDir, module), { recursive: true, verbatimSymlinks: true })
  let program: Program | undefined
  return {
    home,
    modulesDir,
    get program(): Program {
      if (!program) throw new Error('the agent was not started')
      return program
    },
    start(more: Record<string, string> = {}): Program {
      program = startProgram(entry, {
        ...littleMemory, // as infra starts it
        MILLRACE_URL: url,
        MILLRACE_AGENT_KEY: key,
        AGENT_HOME: join(home, 'agent'),
        MODULES_DIR: modulesDir,
        ...env,
        ...more,
      })
      return program
    },
    async available(client: Client, names: readonly string[] = modules): Promise<void> {
      for (const name of names) {
        await until(
          `${name} is AVAILABLE`,
          120,
          async () => (await client.module(name)).status === 'AVAILABLE',
        )
      }
    },
    async close(): Promise<void> {
      await program?.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

export type AgentProcess = Awaited<ReturnType<typeof agentProcess>>

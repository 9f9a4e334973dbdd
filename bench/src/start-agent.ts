import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '@millrace/client'
import { littleMemory } from '@millrace/infra'

const entry = join(import.meta.dirname, '../../packages/agent/src/main.ts')

/** A second agent next to the installation's, in a separate folder; a benchmark starts and stops it. */
export async function startAgent(
  client: Client,
  url: string,
  folder: string,
  settings: Record<string, string> = {},
) {
  const { secret } = await client.createKey({ name: 'bench', scopes: ['agent'] })
  const modulesDir = join(folder, 'modules')
  await mkdir(modulesDir, { recursive: true })
  const env = {
    ...process.env,
    MILLRACE_URL: url,
    MILLRACE_AGENT_KEY: secret ?? '',
    AGENT_HOME: join(folder, 'home'),
    MODULES_DIR: modulesDir,
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
    LOG_LEVEL: 'silent',
    ...littleMemory, // as a service and `npm start` run it
    ...settings,
  }
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return {
    modulesDir,
    get pid(): number {
      return child?.pid ?? 0
    },
    /** Gives the copy of a module a separate name. */
    async rename(module: string, name: string): Promise<void> {
      const file = join(module, 'module.json')
      await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), name }))
    },
    async start(): Promise<void> {
      child = spawn(process.execPath, [entry], { env, stdio: 'ignore' })
      await once(child, 'spawn')
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

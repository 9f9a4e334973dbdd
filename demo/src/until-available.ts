import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, type Client, type Module } from '@millrace/client'
import type { DemoLog } from './log.ts'

const pollMs = 200

/** Waits until a module is available, and shows the progress of its agent. */
export async function untilAvailable(
  client: Client,
  name: string,
  log: DemoLog,
  signal: AbortSignal,
): Promise<void> {
  const began = Date.now()
  let logged = 0
  for (;;) {
    const module = await findModule(client, name)
    const status = module?.status ?? 'DETECTED'
    if (status === 'AVAILABLE') {
      const seconds = ((Date.now() - began) / 1000).toFixed(1)
      const text = logged > 0 ? `installed and tested in ${seconds} s` : 'ready'
      return log.report({ step: name, state: 'done', text })
    }
    if (status === 'ERROR') {
      log.report({ step: name, state: 'failed', text: 'cannot be used' })
      throw new Error(`the module ${name} cannot be used: ${reasonOf(module)}`)
    }
    const lines = module ? await client.installLog(name) : []
    for (const { line } of lines.slice(logged)) log.detail(`${name}: ${line}`)
    logged = lines.length
    const text = status === 'DETECTED' ? 'found' : status.toLowerCase()
    log.report({ step: name, state: 'running', text, amount: lastWords(lines) })
    await delay(pollMs, undefined, { signal })
  }
}

async function findModule(client: Client, name: string): Promise<Module | null> {
  try {
    return await client.module(name)
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return null
    throw error
  }
}

/** The last line of the installer; the file has the commands. */
const lastWords = (lines: { line: string }[]): string | undefined =>
  lines
    .findLast(({ line }) => line.trim() && !line.startsWith('$ '))
    ?.line.trim()
    .slice(0, 60)

const reasonOf = (module: Module | null): string =>
  module?.agents.find((agent) => agent.error)?.error ?? 'no reason was given'

import { setTimeout as pause } from 'node:timers/promises'
import { ApiError, type Client, type Module } from '@millrace/client'
import { detail, step } from './say.ts'

const pollMs = 200

/** Waits until a module can be used, and shows what its agent is doing about it. */
export async function untilAvailable(client: Client, name: string, signal: AbortSignal): Promise<void> {
  let status = ''
  let shown = 0
  step(`Waiting for the module ${name}`)
  for (;;) {
    const module = await findModule(client, name)
    if (module && module.status !== status) {
      status = module.status
      detail(status)
    }
    if (module && status !== 'AVAILABLE') shown = await showLog(client, name, shown)
    if (status === 'AVAILABLE') return
    if (status === 'ERROR') throw new Error(`the module ${name} cannot be used: ${reasonOf(module)}`)
    await pause(pollMs, undefined, { signal })
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

async function showLog(client: Client, name: string, shown: number): Promise<number> {
  const lines = await client.installLog(name)
  for (const { line } of lines.slice(shown)) detail(`  ${line}`)
  return lines.length
}

const reasonOf = (module: Module | null): string =>
  module?.agents.find((agent) => agent.error)?.error ?? 'no reason was given'

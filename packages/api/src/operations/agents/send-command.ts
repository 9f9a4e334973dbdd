import type { AgentCommand } from '@millrace/shared'
import { newUlid } from '../../ids.ts'
import type { Ports } from '../../ports.ts'
import type { AgentDoc } from '../../store/documents/agent.ts'

type Wish = { kind: 'scan' | 'pause' | 'resume' | 'drain' } | { kind: 'retry' | 'test'; module: string }

/** Sends agents a command: over NATS at once, and with every heartbeat until they acknowledge it. */
export async function sendCommand(ports: Ports, agents: readonly AgentDoc[], wish: Wish): Promise<void> {
  for (const agent of agents) {
    const command: AgentCommand = { v: 1, id: newUlid(), ...wish }
    await ports.store.agents.change(agent, (current) => ({
      ...current,
      commands: [...current.commands.filter((one) => !isSame(one, wish)), command],
    }))
    ports.bus.command(agent._id, command)
  }
}

/** Only the last of these counts. */
const aboutRest: readonly string[] = ['pause', 'resume', 'drain']

const isSame = (command: AgentCommand, wish: Wish): boolean =>
  (aboutRest.includes(command.kind) && aboutRest.includes(wish.kind)) ||
  (command.kind === wish.kind &&
    (!('module' in command) || !('module' in wish) || command.module === wish.module))

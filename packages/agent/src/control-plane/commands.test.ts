import type { AgentCommand } from '@millrace/shared/for-agents'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { openSignals } from '../signals/agent-signals.ts'
import { Commands } from './commands.ts'

function setUp() {
  const acts = { cancel: vi.fn(), rest: vi.fn(), scan: vi.fn(), retry: vi.fn(), test: vi.fn() }
  const signals = openSignals()
  const commands = new Commands({ ...acts, signals, logger: pino({ level: 'silent' }) })
  return { acts, commands, carryOut: (command: AgentCommand) => signals.commanded.emit(command) }
}

test('a command that arrives twice is executed once, and reported until the API acknowledges it', () => {
  const { acts, commands, carryOut } = setUp()
  const scan = { v: 1, kind: 'scan', id: 'c1' } as const
  carryOut(scan)
  carryOut(scan)
  expect(acts.scan).toHaveBeenCalledOnce()
  expect(commands.done).toEqual(['c1'])
  commands.acknowledge(['c1'])
  expect(commands.done).toEqual([])
  carryOut(scan)
  expect(acts.scan).toHaveBeenCalledOnce()
  expect(commands.done).toEqual(['c1'])
})

test.each([
  ['pause', 'paused'],
  ['drain', 'draining'],
  ['resume', null],
] as const)('%s: %s', (kind, rest) => {
  const { acts, carryOut } = setUp()
  carryOut({ v: 1, kind, id: 'c1' })
  expect(acts.rest).toHaveBeenCalledWith(rest)
})

test('a cancel needs no id, since it may be repeated', () => {
  const { acts, commands, carryOut } = setUp()
  carryOut({ v: 1, kind: 'cancel', run: 'tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1' })
  expect(acts.cancel).toHaveBeenCalledWith('tsk_01ARZ3NDEKTSV4RRFFQ69G5FAV.1')
  expect(commands.done).toEqual([])
})

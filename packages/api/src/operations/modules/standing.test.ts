import type { AgentId } from '@millrace/shared'
import { describe, expect, test } from 'vitest'
import type { ModuleDoc, ModuleEntry } from '../../store/documents/module.ts'
import { agentId, at } from '../task/example.fixture.ts'
import { standing } from './standing.ts'

const other = 'agt_01ARZ3NDEKTSV4RRFFQ69G5FAW'
const entry = (changes: Partial<ModuleEntry>): ModuleEntry => ({
  agentId,
  version: '1.0.0',
  digest: 'a',
  status: 'AVAILABLE',
  manifest: null,
  path: '/m',
  pythonExec: null,
  error: null,
  healthCheck: null,
  installSeconds: null,
  since: at,
  trusted: true,
  ...changes,
})
const later = new Date(at.getTime() + 1000)
const module = (entries: ModuleEntry[], disabled = false): ModuleDoc => ({
  _id: 'm',
  rev: 1,
  entries,
  awaiting: [],
  approved: [],
  disabled,
  history: [],
  peaks: [],
  createdAt: at,
  updatedAt: at,
})

describe('a module on two agents', () => {
  test.each<[string, Partial<ModuleEntry>, boolean, string[]]>([
    ['with the same contents', { digest: 'a' }, true, ['AVAILABLE', 'AVAILABLE']],
    [
      'with different contents of the same version: the later one is blocked',
      {},
      true,
      ['AVAILABLE', 'ERROR'],
    ],
    ['with another version', { version: '1.1.0' }, true, ['AVAILABLE', 'AVAILABLE']],
    ['while the first is disconnected', {}, false, ['AVAILABLE', 'AVAILABLE']],
    ['where the second has not passed', { status: 'TESTING' }, true, ['AVAILABLE', 'TESTING']],
    [
      'reported at the same moment: one of both, always the same',
      { since: at },
      true,
      ['AVAILABLE', 'ERROR'],
    ],
  ])('%s', (_, changes, isFirstThere, expected) => {
    const second = entry({ agentId: other, digest: 'b', since: later, ...changes })
    const connected = new Set<AgentId>(isFirstThere ? [agentId, other] : [other])
    for (const entries of [[entry({}), second]])
      expect(standing(module(entries), connected).map((one) => one.status)).toEqual(expected)
  })

  test('names the blocking agent and the remedy', () => {
    const [, second] = standing(
      module([entry({}), entry({ agentId: other, digest: 'b', since: later })]),
      new Set([agentId, other]),
    )
    expect(second?.error).toMatch(/agt_.*FAV.*m@1\.0\.0.*another version/)
  })

  test('is disabled on both', () => {
    const entries = [entry({}), entry({ agentId: other, status: 'ERROR' })]
    const stood = standing(module(entries, true), new Set([agentId, other]))
    expect(stood.map((one) => one.status)).toEqual(['DISABLED', 'DISABLED'])
  })
})

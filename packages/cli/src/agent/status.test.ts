import { expect, test } from 'vitest'
import { describeStatus } from './status.ts'

test("the end of a pause is printed by this machine's clock, in the same order in every locale", () => {
  const at = new Date(2026, 2, 4, 15, 6)
  const status = describeStatus({
    ...{ agentId: 'agt_1', version: '0.1.0', pid: 7, url: 'http://localhost:4000' },
    rest: [{ by: 'owner', kind: 'paused', note: 'a game', until: at.toISOString() }],
    ...{ runs: [], maxRuns: 2, warm: [], gpus: [] },
  })
  expect(status).toContain('paused by its owner until 2026-03-04 15:06 (a game)')
})

import type { FinishReport } from '@millrace/shared'
import { expect, test } from 'vitest'
import { processEnd } from './process-end.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 30, 12) + seconds * 1000)
const report = (startedAt: number | null, finishedAt: number | null): FinishReport => ({
  sessionId: 'ses_00000000000000000000000000',
  outcome: 'succeeded',
  result: {},
  startedAt: startedAt === null ? null : at(startedAt).toISOString(),
  finishedAt: finishedAt === null ? null : at(finishedAt).toISOString(),
})

/** Claimed at 0, reported at 100 by the API's clock. */
test.each([
  ['what the agent says', [10, 60], 0, 60],
  ['its length, when its clock is ahead', [1010, 1060], 0, 50],
  ['its length, when its clock is behind', [-990, -940], 0, 50],
  ['the report, when a clock jumped in between', [10, 1060], 0, 100],
  ['the report, when it says nothing', [null, null], 0, 100],
  ['what the agent says, when the claim is not known any more', [10, 60], null, 60],
  ['the report, when the claim is not known and its clock is ahead', [1010, 1060], null, 100],
] as const)('a process ended by %s', (_, [started, finished], claimed, expected) => {
  const end = processEnd(report(started, finished), claimed === null ? null : at(claimed), at(100))
  expect(end).toEqual(at(expected))
})

import { expect, test } from 'vitest'
import type { Observation } from '../../infra/fixtures/store/capability.ts'
import { capabilityTable, type Observed } from './capability-table.ts'

const seen = (
  store: Observation['store'],
  capability: Observation['capability'],
  value: boolean,
  passed = true,
): Observed => ({ store, capability, value, passed })

test('a row is "yes" only when every test saw it and passed, and "–" when none looked', () => {
  const table = capabilityTable([
    seen('versitygw', 'length signed', true),
    seen('MinIO', 'length signed', true),
    seen('MinIO', 'length signed', false),
    seen('SeaweedFS', 'length signed', true),
    seen('SeaweedFS', 'length signed', true, false),
    seen('versitygw', 'forged requests refused', true),
  ])
  const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
  expect(cells[0]).toEqual(['', '', 'versitygw', 'MinIO', 'SeaweedFS', ''])
  expect(cells).toContainEqual(['', 'length signed', 'yes', 'no', 'test failed', ''])
  expect(cells.at(-1)).toEqual(['', 'forged requests refused', 'yes', '–', '–', ''])
  expect(new Set(table.split('\n').map((line) => line.length)).size).toBe(1)
})

import { defineConfig } from 'vitest/config'
import { measureSlowness } from './test/support/slowness.ts'

const slowness = measureSlowness()
process.env.MILLRACE_TEST_REPLICA_SET = '1'

/** The contract on a replica set of three members on loopback: `npm run test:replica-set`. */
export default defineConfig({
  test: {
    include: ['test/contract/**/*.test.ts', 'test/faults/step-down.test.ts', 'test/faults/outages.test.ts'],
    globalSetup: ['test/support/global-servers.ts'],
    setupFiles: ['test/support/patience.ts'],
    env: { MILLRACE_SLOWNESS: String(slowness) },
    testTimeout: 180_000 * slowness,
    hookTimeout: 300_000 * slowness,
    maxWorkers: 2,
  },
})

import { defineConfig } from 'vitest/config'
import { CapabilityTable } from './test/support/capability-table.ts'
import { measureSlowness } from './test/support/slowness.ts'

const slowness = measureSlowness()

/**
 * Object stores and the proxies before them; installs programs that a machine may lack, and ends with a table of what
 * each store can do: `npm run test:stores`.
 */
export default defineConfig({
  test: {
    include: [
      'test/stores/**/*.test.ts',
      'test/contract/object-store/**/*.test.ts',
      'infra/src/servers/store/bucket-users.test.ts',
    ],
    env: {
      MILLRACE_TEST_STORES: process.env.MILLRACE_TEST_STORES ?? 'versitygw,MinIO,SeaweedFS',
      MILLRACE_SLOWNESS: String(slowness),
    },
    reporters: ['default', new CapabilityTable()],
    globalSetup: ['test/support/global-servers.ts'],
    testTimeout: 180_000 * slowness,
    hookTimeout: 900_000 * slowness,
    setupFiles: ['test/support/patience.ts'],
    fileParallelism: false,
  },
})

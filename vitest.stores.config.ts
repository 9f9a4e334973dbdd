import { defineConfig } from 'vitest/config'
import { measureSlowness } from './test/support/slowness.ts'

const slowness = measureSlowness()

/** Object stores and the proxies before them; installs programs that a machine may lack: `npm run test:stores`. */
export default defineConfig({
  test: {
    include: ['test/stores/**/*.test.ts'],
    globalSetup: ['test/support/global-servers.ts'],
    testTimeout: 180_000 * slowness,
    hookTimeout: 900_000 * slowness,
    setupFiles: ['test/support/patience.ts'],
    env: { MILLRACE_SLOWNESS: String(slowness) },
    fileParallelism: false,
  },
})

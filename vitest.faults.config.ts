import { defineConfig } from 'vitest/config'
import { measureSlowness } from './test/support/slowness.ts'

const slowness = measureSlowness()

/** Long tests that kill, cut and fill: `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/support/global-servers.ts'],
    testTimeout: 180_000 * slowness,
    hookTimeout: 300_000 * slowness,
    setupFiles: ['test/support/patience.ts'],
    env: { MILLRACE_SLOWNESS: String(slowness) },
    fileParallelism: false,
  },
})

import { defineConfig } from 'vitest/config'

/** Tests of one particular object store, which `npm test` does without. */
export default defineConfig({
  test: {
    include: ['test/stores/**/*.test.ts'],
    globalSetup: ['test/support/global-servers.ts'],
    testTimeout: 60_000,
    hookTimeout: 600_000,
    maxWorkers: 2,
  },
})

import { defineConfig } from 'vitest/config'

/** Object stores and the proxies before them; installs programs that a machine may lack: `npm run test:stores`. */
export default defineConfig({
  test: {
    include: ['test/stores/**/*.test.ts'],
    globalSetup: ['test/support/global-servers.ts'],
    testTimeout: 180_000,
    hookTimeout: 900_000,
    fileParallelism: false,
  },
})

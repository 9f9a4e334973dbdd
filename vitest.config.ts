import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { measureSlowness } from './test/support/slowness.ts'

const slowness = measureSlowness()
/** One for all agents of all tests: each would fetch the same packages. */
const uvCache = join(homedir(), '.cache', 'millrace', 'uv')

export default defineConfig({
  test: {
    include: ['{packages,infra,test,demo,bench}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/faults/**', 'test/stores/**'],
    globalSetup: ['test/support/global-servers.ts'],
    testTimeout: 60_000 * slowness,
    hookTimeout: 300_000 * slowness,
    setupFiles: ['test/support/patience.ts'],
    env: { MILLRACE_SLOWNESS: String(slowness), UV_CACHE_DIR: process.env.UV_CACHE_DIR ?? uvCache },
    maxWorkers: 2 * availableParallelism(), // most of a test is waiting for other processes
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      // Run as separate processes; the end-to-end tests drive them, and nothing is counted there.
      exclude: [
        '**/*.test.ts',
        '**/index.ts',
        'packages/api/src/node.ts',
        'packages/agent/src/main.ts',
        'packages/cli/src/main.ts',
        '**/*-main.ts',
        'packages/agent/src/agent.ts',
        'packages/agent/src/{local,warm,admission}/*.ts',
        'packages/agent/src/pause/{pause-controller,owner-*}.ts',
        'packages/agent/src/process/stop/job-object.ts',
        'packages/cli/src/agent/**',
      ],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 85 },
    },
  },
})

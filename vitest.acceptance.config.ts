// Acceptance: the real processes, one file at a time.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/acceptance/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 40_000,
    hookTimeout: 60_000,
  },
})

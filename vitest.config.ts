import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/fleet/natsNotice.ts'],
    reporters: ['default', './test/closingLine.ts'],
    maxWorkers: 2,
    // Not what a test may take, but when it hangs: on a busy machine, with coverage, some that need a second took more than five.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
})

import { defineConfig } from 'vitest/config'

if (process.env.TEST_SEED) console.log(`TEST_SEED=${process.env.TEST_SEED}`)

export default defineConfig({
  // the file that Node.js itself takes: with Vite's own choice there would be two copies of graphql
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-folder.ts'],
    setupFiles: ['test/setup.ts'],
    // guards against a deadlock, not limits: a busy machine may need ten times as long as an idle one
    testTimeout: process.env.TEST_FAULTS ? 3_600_000 : 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    // two cores: real servers, real databases and child processes share them
    maxWorkers: 2,
    // the files of a worker share what they import, which is two thirds of the time otherwise: no test may replace a
    // module, or leave a changed global behind
    isolate: false,
  },
})

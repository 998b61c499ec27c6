import { afterAll, beforeAll } from 'vitest'

/** Starts a world before the tests of a `describe` block and disposes of it after them: for tests that change nothing. */
export function shared<World extends AsyncDisposable>(start: () => Promise<World>): () => World {
  let world: World | undefined
  beforeAll(async () => {
    world = await start()
  })
  afterAll(() => world?.[Symbol.asyncDispose]())
  return () => {
    if (!world) throw new Error('a shared world exists only during tests')
    return world
  }
}

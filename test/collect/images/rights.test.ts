import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createViewers } from '../../fixtures/viewers.ts'
import { PruneWorld } from './world.ts'

let world: PruneWorld
let viewers: ReturnType<typeof createViewers>
beforeAll(() => {
  world = new PruneWorld()
  viewers = createViewers(world.domain.db)
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a prune', () => {
  it.each([
    ['of all namespaces, and its plan', undefined],
    ['of a namespace without the right to delete', 'free'],
  ])('%s, is refused', async (_, namespace) => {
    const viewer = viewers.in(['team/*'], 'EDITOR')
    expect(() => world.pruner.plan(viewer, { namespace })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    )
    await expect(world.pruner.prune(viewer, { namespace })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('of a namespace needs the right in all of it', async () => {
    const policy = { namespace: 'team' }
    expect(() => world.pruner.plan(viewers.in(['team/app'], 'EDITOR'), policy)).toThrow(
      'the right "delete" is missing',
    )
    expect(() => world.pruner.plan(viewers.in(['team/*'], 'IMPORTER'), policy)).toThrow(
      'the right "delete" is missing',
    )
    await expect(world.pruner.prune(viewers.in(['team/*'], 'EDITOR'), policy)).resolves.toMatchObject({
      events: 0,
    })
  })
})

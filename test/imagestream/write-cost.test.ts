import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { type Statements, watchStatements } from '../fixtures/statements.ts'
import { FollowWorld, following, one, two } from './follow-world.ts'

let world: FollowWorld
beforeEach(() => {
  world = new FollowWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const FROM = { kind: 'DockerImage', name: 'registry.test/team/app:v1' } as const
const COPY = { alias: false, reference: false, scheduled: false, insecure: false }
const TAG = (imageStream: string, tag: string) => ({ namespace: 'default', imageStream, tag })

/** Writes of one tag, in a stream with the tags `t0`, which has an image, to `t9` and more. */
const WRITES: Readonly<Record<string, (stream: string) => unknown>> = {
  'tagImage of a new tag': (stream) => world.retag(`${stream}:new`, 't0'),
  'tagImage of an alias': (stream) => world.retag(`${stream}:alias`, 't9', { alias: true }),
  'tagImage of a known tag': (stream) => world.retag(`${stream}:t3`, 't0'),
  'tagImage from a registry': (stream) => world.retag(`${stream}:scheduled`, FROM, { scheduled: true }),
  'updateImageStream of one tag': (stream) =>
    world.writer.update(SYSTEM, { namespace: 'default', name: stream, setTags: [following('t4', 't0')] }),
  setTagPolicy: (stream) =>
    world.setTagPolicy(SYSTEM, {
      ...{ ...TAG(stream, 'chosen'), ...COPY, dryRun: false },
      ...{ policy: { order: 'ALPHABETICAL' }, repository: 'registry.test/team/app' },
    }),
  'importImage of one tag': (stream) =>
    world.importImage(SYSTEM, {
      ...{ ...TAG(stream, 'imported'), all: false, confirm: false, dryRun: false },
      from: FROM.name,
    }),
  rollBackTag: (stream) => world.rollBackTag(SYSTEM, { ...TAG(stream, 'pushed'), to: 'PREVIOUS' }),
  untagImage: (stream) => world.untag(`${stream}:t3`),
  restoreTag: (stream) => world.tagRemoval.restore(SYSTEM, TAG(stream, 't3')),
}

function costOf(statements: Statements, write: () => unknown) {
  statements.reset()
  write()
  return { run: [...statements.run], rows: statements.rows }
}

describe('the cost of a write of one tag', () => {
  it('is the same in a stream of 10 tags and in one of 1,000', () => {
    for (const [stream, tags] of [
      ['small', 10],
      ['large', 1000],
    ] as const) {
      world.createWith(
        stream,
        Array.from({ length: tags - 1 }, (_, at) => following(`t${at + 1}`, 't0')),
      )
      world.push(one, `${stream}:t0`)
      for (const content of [one, two]) world.push(content, `${stream}:pushed`)
    }
    using statements = watchStatements()
    for (const [name, write] of Object.entries(WRITES)) {
      const small = costOf(statements, () => write('small'))
      const large = costOf(statements, () => write('large'))
      expect({ name, ...large }).toEqual({ name, ...small })
    }
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import { image } from '../fixtures/random-image.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { createViewers } from '../fixtures/viewers.ts'
import { FollowWorld, following, one, two } from './follow-world.ts'

let world: FollowWorld

beforeEach(() => {
  world = new FollowWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const ONE = one.digest
const TWO = two.digest

describe('a tag that follows another', () => {
  it('gets the same event with the generation of its own spec tag, as a push of source TAG', () => {
    world.push(one, 'web:latest')
    world.specify('web', [following('stable', 'latest')])
    world.time += 1000
    world.push(two, 'web:latest')

    const [source] = world.eventsOf('web:latest')
    expect(world.eventsOf('web:stable')).toMatchObject([
      {
        imageId: source?.imageId,
        dockerImageReference: source?.dockerImageReference,
        createdAt: world.time,
        generation: 2,
      },
      { generation: 2 },
    ])
    expect(world.logged()).toEqual([
      'REGISTRY web:latest',
      'TAG web:stable',
      'REGISTRY web:latest',
      'TAG web:stable',
    ])
  })

  it('in another stream and namespace gets it too, and raises the version of that stream', () => {
    world.push(one, 'web:1')
    world.createWith('shop/app', [following('base', 'web:1', { namespace: 'default' })])
    const before = world.version('shop/app')
    world.push(two, 'web:1')

    expect(world.digestsOf('shop/app:base')).toEqual([TWO, ONE])
    expect(world.version('shop/app')).toBe(before + 1)
    expect(world.log().at(-1)).toMatchObject({ namespace: 'shop', source: 'TAG', previousImageId: 1 })
  })

  it('without a stream name in its source follows a tag of its own stream, in the named namespace', () => {
    world.push(one, 'team/web:1')
    world.createWith('web', [following('x', '1', { namespace: 'team' })])

    expect(world.digestsOf('web:x')).toEqual([ONE])
  })

  it('gets it through any number of steps, sources first and each tag once', () => {
    world.push(one, 's0:t')
    for (let at = 1; at <= 30; at++) {
      world.createWith(`s${at}`, [following('t', `s${at - 1}:t`), following('u', `s${at - 1}:t`)])
    }
    const before = world.log().length
    world.push(two, 's0:t')

    expect(world.digestsOf('s30:u')).toEqual([TWO, ONE])
    const steps = Array.from({ length: 30 }, (_, at) => [`TAG s${at + 1}:t`, `TAG s${at + 1}:u`]).flat()
    expect(world.logged(before)).toEqual(['REGISTRY s0:t', ...steps])
  })

  it('gets the image that an import gives its source', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    await world.create()
    world.createWith('app', [following('base', 'ruby:latest')])
    world.remote.push(UPSTREAM, 'latest', two)
    await world.import()

    expect(world.digestsOf('app:base')).toEqual([TWO, ONE])
    expect(world.log().map(({ source }) => source)).toEqual(['IMPORT', 'TAG', 'IMPORT', 'TAG'])
  })

  it('is not a result of the import that moved its source', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    world.createWith('app', [following('base', 'ruby:latest')])
    const { imported } = await world.create()

    expect(imported).toMatchObject({ imported: 1, total: 1 })
    expect(world.results(imported?.id ?? 0).map(({ tag }) => tag)).toEqual(['latest'])
  })

  it('gets a rewritten reference, which is not a push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    const stream = world.stream('web')
    world.db.transact((tx) =>
      world.recorder.recordTagEvent(
        tx,
        SYSTEM,
        { streamId: stream.id, namespace: 'default', streamName: 'web', tag: tagName('1') },
        {
          imageId: 1,
          dockerImageReference: `mirror.test/web@${ONE}`,
          generation: 1,
          source: 'IMPORT',
          upstreamDigest: null,
          at: world.time,
        },
      ),
    )

    expect(world.eventsOf('app:base').map((event) => event.dockerImageReference)).toEqual([
      `mirror.test/web@${ONE}`,
    ])
    expect(world.logged()).toEqual(['REGISTRY web:1', 'TAG app:base'])
  })

  it('stays when its source does not change, also after a direct push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'app:base')
    const before = world.dump()
    world.push(one, 'web:1')

    expect(world.digestsOf('app:base')).toEqual([TWO, ONE])
    expect(world.dump()).toEqual(before)
  })

  it('moves again with its source after a direct push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'app:base')
    const three = image({ seed: 3 })
    world.push(three, 'web:1')

    expect(world.digestsOf('app:base')).toEqual([three.digest, TWO, ONE])
  })

  it('waits for a stream that does not exist yet', () => {
    world.createWith('app', [following('base', 'web:1'), following('next', 'base')])
    expect(world.tag('base', 'app')).toBeUndefined()
    world.push(one, 'web:1')

    expect(world.digestsOf('app:base')).toEqual([ONE])
    expect(world.digestsOf('app:next')).toEqual([ONE])
  })

  it('clears the condition of an earlier failed import', async () => {
    await world.create({ name: 'app', spec: { tags: [fromImage('base', `${UPSTREAM}:none`)] } })
    expect(world.condition('base', 'app')?.reason).toBe('NotFound')
    world.specify('app', [following('base', 'web:1')])
    world.push(one, 'web:1')

    expect(world.condition('base', 'app')).toBeUndefined()
    expect(world.digestsOf('app:base')).toEqual([ONE])
  })

  it('keeps its image when its source is removed, and moves again when the source is back', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.untag('web:1')
    expect(world.digestsOf('app:base')).toEqual([ONE])

    world.push(two, 'web:1')
    expect(world.digestsOf('app:base')).toEqual([TWO, ONE])
  })

  it('keeps its image when the stream of its source is deleted, and follows a new one of that name', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'web' })
    expect(world.digestsOf('app:base')).toEqual([ONE])

    world.push(two, 'web:1')
    expect(world.digestsOf('app:base')).toEqual([TWO, ONE])
  })

  it('no longer follows once its spec tag changes or is removed', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('a', 'web:1'), following('b', 'web:1'), following('c', 'web:1')])
    world.specify('app', [
      fromImage('a', `${UPSTREAM}:x`, { reference: true }),
      following('b', 'web:1', { reference: true }),
    ])
    world.push(two, 'web:1')

    expect(['a', 'b', 'c'].map((tag) => world.digestsOf(`app:${tag}`))).toEqual([[ONE], [ONE], [ONE]])
  })
})

describe('a spec tag from a tag', () => {
  it('gets the image of its source in the transaction that writes it', () => {
    world.push(one, 'web:1')
    const { stream } = world.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'app',
      spec: { tags: [following('base', 'web:1')] },
    })

    expect(world.eventsOf('app:base')).toMatchObject([{ imageId: 1, generation: stream.generation }])
    expect(world.streams.specTag(stream.id, tagName('base'))).toMatchObject({
      followsNamespace: 'default',
      followsStream: 'web',
      followsTag: '1',
    })
  })

  it('with reference: true gets the image once, and follows nothing', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1', { reference: true })])
    world.push(two, 'web:1')

    expect(world.digestsOf('app:base')).toEqual([ONE])
    expect(world.streams.specTag(world.stream('app').id, tagName('base'))).toMatchObject({
      reference: 1,
      followsTag: null,
    })
  })

  it('that is written with its source gets only the source’s new image, in any order and over any steps', () => {
    world.push(one, 'old:x')
    world.push(two, 'new:x')
    world.createWith('app', [following('b', 'old:x')])
    world.createWith('between', [following('b', 'app:b')])
    world.specify('app', [following('a', 'between:b'), following('b', 'new:x')])

    expect(world.digestsOf('app:b')).toEqual([TWO, ONE])
    expect(world.digestsOf('app:a')).toEqual([TWO])
  })

  it('that changes in another field raises the generation of the newest event, without a push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.specify('app', [following('base', 'web:1', { annotations: [{ key: 'why', value: 'so' }] })])

    expect(world.eventsOf('app:base')).toMatchObject([{ generation: 2 }])
    expect(world.log()).toHaveLength(2)
  })

  it('that does not change is not written, and moves nothing', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'app:base')
    const before = world.dump()
    world.specify('app', [following('base', 'web:1')])

    expect(world.dump()).toEqual(before)
  })

  it('is not imported, and replaces the repository’s tag of its name', async () => {
    world.remote.push(UPSTREAM, 'latest', one).push(UPSTREAM, 'stable', two)
    const tags = [following('stable', 'latest')]
    const { imported } = await world.create({ spec: { dockerImageRepository: UPSTREAM, tags } })

    expect(imported).toMatchObject({ total: 1, imported: 1 })
    expect(world.digestsOf('ruby:stable')).toEqual([ONE])
  })
})

describe('a spec tag from an image of a history', () => {
  const fromHistory = (name: string) => ({
    name: 'pinned',
    from: { kind: 'ImageStreamImage', name } as const,
    reference: false,
  })

  it.each([
    ['its digest', `web@${ONE}`],
    ['a unique beginning of it', `web@${ONE.slice(0, 12)}`],
  ])('gets it by %s, also after the tag has moved', (_, name) => {
    world.push(one, 'web:1')
    world.push(two, 'web:1')
    world.createWith('app', [fromHistory(name)])

    expect(world.digestsOf('app:pinned')).toEqual([ONE])
    expect(world.eventsOf('app:pinned')[0]?.dockerImageReference).toContain(`/default/web@${ONE}`)
    world.push(image({ seed: 3 }), 'web:1')
    expect(world.digestsOf('app:pinned')).toEqual([ONE])
  })

  it.each([ONE, `@${ONE}`])('without a stream is one of its own stream: %s', (name) => {
    world.push(one, 'web:1')
    world.specify('web', [fromHistory(name)])

    expect(world.digestsOf('web:pinned')).toEqual([ONE])
  })

  it('has the reference of the newest entry with the image', () => {
    world.push(one, 'app:x')
    world.push(two, 'web:2')
    world.retag('web:1', 'app:x')
    world.push(one, 'web:2')
    world.createWith('other', [fromHistory(`web@${ONE}`)])

    expect(world.eventsOf('other:pinned')[0]?.dockerImageReference).toContain(`/default/web@${ONE}`)
  })

  it('with an unknown whole digest is written, as in documents of other servers', () => {
    world.createWith('app', [fromHistory(`web@${ONE}`)])

    expect(world.streams.specTags([world.stream('app').id])).toMatchObject([{ fromName: `web@${ONE}` }])
    expect(world.digestsOf('app:pinned')).toEqual([])
  })

  it('with a digest prefix of no image is NOT_FOUND, of several CONFLICT with their digests; nothing is written', () => {
    world.push(one, 'web:1')
    const several: string[] = []
    for (let seed = 100; several.length < 2; seed++) {
      const next = image({ seed })
      if (!next.digest.startsWith('sha256:0')) continue
      world.push(next, 'web:1')
      several.push(next.digest)
    }
    const before = world.dump()

    expect(() => world.createWith('app', [fromHistory('web@sha256:ffffffff')])).toThrow(
      expect.objectContaining({
        code: 'NOT_FOUND',
        message: expect.stringContaining('default/web never had'),
      }),
    )
    expect(() => world.createWith('app', [fromHistory('web@sha256:0')])).toThrow(
      expect.objectContaining({ code: 'CONFLICT', message: expect.stringContaining(several[0] as string) }),
    )
    expect(world.dump()).toEqual(before)
  })
})

describe('a cycle', () => {
  const refused = (field: string, message: string) =>
    expect.objectContaining({ code: 'INVALID', field, message: expect.stringContaining(message) })

  it('of one tag is refused', () => {
    world.createWith('a', [])

    expect(() => world.specify('a', [following('1', 'a:1')])).toThrow(
      refused('spec.tags.0.from.name', 'a:1 → a:1'),
    )
  })

  it('within one write is refused, naming its first tag; nothing is written', () => {
    const before = world.dump()
    const tags = [following('0', '1'), following('x', 'y'), following('1', '2'), following('2', '1')]

    expect(() => world.createWith('a', tags)).toThrow(refused('spec.tags.2.from.name', 'a:1 → a:2 → a:1'))
    expect(world.dump()).toEqual(before)
  })

  it('across streams is refused when it is closed, also where one half waited for this stream', () => {
    world.createWith('b', [following('2', 'a:1')])
    const before = world.dump()

    expect(() => world.createWith('a', [following('1', 'b:2')])).toThrow(
      refused('spec.tags.0.from.name', 'a:1 → b:2 → a:1'),
    )
    expect(world.dump()).toEqual(before)
  })

  it('across namespaces is described with namespaces', () => {
    world.createWith('team/b', [following('2', 'a:1', { namespace: 'default' })])

    expect(() => world.createWith('a', [following('1', 'b:2', { namespace: 'team' })])).toThrow(
      'default/a:1 → team/b:2 → default/a:1',
    )
  })

  it('that is long is shortened in the message', () => {
    for (let at = 1; at < 100; at++) world.createWith(`s${at}`, [following('t', `s${at - 1}:t`)])

    expect(() => world.createWith('s0', [following('t', 's99:t')])).toThrow(
      /^a tag cannot follow itself: (?:s\d+:t → ){6}… \d+ more …(?: → s\d+:t){6}$/,
    )
  })

  it('names no tag of a stream that the viewer does not see', () => {
    const viewer = createViewers(world.db).in(['team/*', 'open/*'], 'EDITOR')
    world.createWith('open/b', [following('2', 'c:3', { namespace: 'secret' })])
    world.createWith('secret/c', [following('3', 'a:1', { namespace: 'team' })])
    const tags = [following('1', 'b:2', { namespace: 'open' })]

    expect(() => world.writer.create(viewer, { namespace: 'team', name: 'a', spec: { tags } })).toThrow(
      'a tag cannot follow itself: team/a:1 → open/b:2 → a tag of another stream → team/a:1',
    )
  })

  it('does not go through a reference, which follows nothing', () => {
    world.createWith('b', [following('2', 'a:1', { reference: true })])
    world.createWith('a', [following('1', 'b:2')])

    expect(world.streams.specTags([world.stream('a').id])).toHaveLength(1)
  })

  it('can be reversed in one write', () => {
    world.push(one, 'a:0')
    world.specify('a', [following('1', '0'), following('2', '1')])
    world.push(two, 'a:0')
    world.specify('a', [following('1', '2'), following('2', '0')])

    expect(world.digestsOf('a:1')).toEqual([TWO, ONE])
  })
})

describe('a chain of tags that follow one another', () => {
  const TOO_LONG = /^a tag can follow at most 50 others, through one another: /
  let viewer: Viewer
  beforeEach(() => {
    viewer = createViewers(world.db).in(['default/*', 'team/*'], 'EDITOR')
    world.createWith('a', [])
  })
  /** The tags `t<from + 1>` to `t<to>`, each from the one before it. */
  const chain = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => following(`t${from + at + 1}`, `t${from + at}`))
  const write = (setTags: readonly SpecTagInput[]) =>
    world.writer.update(viewer, { namespace: 'default', name: 'a', setTags })

  it('has at most 50 steps, written at once, one after the other, or from its end', () => {
    expect(() => write(chain(0, 51))).toThrow(TOO_LONG)
    write(chain(0, 50))
    expect(() => write(chain(50, 51))).toThrow(TOO_LONG)
    expect(() => write([following('t0', 'before')])).toThrow(TOO_LONG)
    expect(() => write([following('t40', 'elsewhere'), following('t0', 'before')])).not.toThrow()
  })

  it('cannot become longer where two chains are joined', () => {
    write(chain(0, 30))
    write(chain(100, 130))
    expect(() => write(chain(30, 31).map((tag) => ({ ...tag, name: 't100' })))).toThrow(TOO_LONG)
    expect(() => write([following('t100', 't19')])).not.toThrow()
  })

  it('that is longer already, in the store of an earlier version, still moves as a whole', () => {
    world.specify('a', chain(0, 60))
    world.push(one, 'a:t0')

    expect(world.digestsOf('a:t60')).toEqual([ONE])
    expect(() => write([following('t60', 't58')])).toThrow(TOO_LONG)
    expect(() => write([following('t60', 't0')])).not.toThrow()
  })

  it('is described without the names that the viewer does not see', () => {
    world.createWith('secret/b', chain(0, 50))
    world.createWith('team/c', [following('1', 'b:t50', { namespace: 'secret' })])
    expect(() => world.retag('a:1', 'c:1', { alias: true })).not.toThrow()
    const tags = [following('2', 'c:1', { namespace: 'team' })]
    expect(() => world.writer.update(viewer, { namespace: 'default', name: 'a', setTags: tags })).toThrow(
      /others, through one another: default\/a:2 → team\/c:1 → a tag of another stream/,
    )
  })
})

describe('the cost of following', () => {
  const LOOK_UP = /where p\.follows_namespace = \?/
  const STEP = /"follows_namespace".* from "image_streams"/

  it('is one indexed lookup for each tag that moved, and none for others', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    using statements = watchStatements()
    const lookUps = () => statements.run.filter((text) => LOOK_UP.test(text))
    world.push(one, 'web:1')
    expect(lookUps()).toEqual([])

    world.push(two, 'web:1')
    const [lookUp = '', ...others] = lookUps()
    expect(others).toHaveLength(1)
    const plan = world.db
      .prepare<{ detail: string }>(`explain query plan ${lookUp}`)
      .all('default', 'web', '1', 0, 101)
      .map(({ detail }) => detail)
    expect(plan[0]).toMatch(/^SEARCH p USING (?:COVERING )?INDEX spec_tags_by_followed/)
    expect(plan.join()).not.toContain('SCAN')
  })

  it('is one step for each tag of a written chain, not one for each pair', () => {
    const length = 500
    const tags = Array.from({ length }, (_, at) => following(`t${at + 1}`, `t${at}`))
    world.push(one, 'web:t0')
    using statements = watchStatements()
    world.specify('web', tags.reverse())

    expect(world.digestsOf(`web:t${length}`)).toEqual([ONE])
    expect(statements.run.filter((text) => STEP.test(text))).toHaveLength(length + 1)
    expect(statements.run.filter((text) => LOOK_UP.test(text))).toHaveLength(length)
  })
})

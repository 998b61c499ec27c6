import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { fromImage, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import { FollowWorld, following, one, two } from './follow-world.ts'

let world: FollowWorld

beforeEach(() => {
  world = new FollowWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const ONE = one.digest
const TWO = two.digest

describe('a tag that follows another', () => {
  it('gets the same event in the same stream, of its own spec tag’s generation, as a push of source TAG', () => {
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

  it('in another stream and namespace gets it too, and makes a new version of that stream', () => {
    world.push(one, 'web:1')
    world.createWith('shop/app', [following('base', 'web:1', { namespace: 'default' })])
    const before = world.version('shop/app')
    world.push(two, 'web:1')

    expect(world.meant('shop/app:base')).toEqual([TWO, ONE])
    expect(world.version('shop/app')).toBe(before + 1)
    expect(world.log().at(-1)).toMatchObject({ namespace: 'shop', source: 'TAG', previousImageId: 1 })
  })

  it('takes a tag without a stream of its own stream’s name, in the namespace that is named', () => {
    world.push(one, 'team/web:1')
    world.createWith('web', [following('x', '1', { namespace: 'team' })])

    expect(world.meant('web:x')).toEqual([ONE])
  })

  it('gets it through any number of steps, sources first, each tag once', () => {
    world.push(one, 's0:t')
    for (let at = 1; at <= 30; at++) {
      world.createWith(`s${at}`, [following('t', `s${at - 1}:t`), following('u', `s${at - 1}:t`)])
    }
    const before = world.log().length
    world.push(two, 's0:t')

    expect(world.meant('s30:u')).toEqual([TWO, ONE])
    const steps = Array.from({ length: 30 }, (_, at) => [`TAG s${at + 1}:t`, `TAG s${at + 1}:u`]).flat()
    expect(world.logged(before)).toEqual(['REGISTRY s0:t', ...steps])
  })

  it('gets what an import brings its source', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    await world.create()
    world.createWith('app', [following('base', 'ruby:latest')])
    world.remote.push(UPSTREAM, 'latest', two)
    await world.import()

    expect(world.meant('app:base')).toEqual([TWO, ONE])
    expect(world.log().map(({ source }) => source)).toEqual(['IMPORT', 'TAG', 'IMPORT', 'TAG'])
  })

  it('is no result of the import that moved its source', async () => {
    world.remote.push(UPSTREAM, 'latest', one)
    world.createWith('app', [following('base', 'ruby:latest')])
    const { imported } = await world.create()

    expect(imported).toMatchObject({ imported: 1, total: 1 })
    expect(world.results(imported?.id ?? 0).map(({ tag }) => tag)).toEqual(['latest'])
  })

  it('gets a rewritten reference, which is no push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    const stream = world.stream('web')
    world.db.transact((tx) =>
      world.recorder.recordTagEvent(
        tx,
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

  it('is left alone by a source that stays as it is, also where somebody pushed to it directly', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'app:base')
    const before = world.dump()
    world.push(one, 'web:1')

    expect(world.meant('app:base')).toEqual([TWO, ONE])
    expect(world.dump()).toEqual(before)
  })

  it('moves again with its source after a direct push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'app:base')
    const three = image({ seed: 3 })
    world.push(three, 'web:1')

    expect(world.meant('app:base')).toEqual([three.digest, TWO, ONE])
  })

  it('waits for a stream that does not exist yet', () => {
    world.createWith('app', [following('base', 'web:1'), following('next', 'base')])
    expect(world.tag('base', 'app')).toBeUndefined()
    world.push(one, 'web:1')

    expect(world.meant('app:base')).toEqual([ONE])
    expect(world.meant('app:next')).toEqual([ONE])
  })

  it('clears what an import that failed before had left', async () => {
    await world.create({ name: 'app', spec: { tags: [fromImage('base', `${UPSTREAM}:none`)] } })
    expect(world.condition('base', 'app')?.reason).toBe('NotFound')
    world.specify('app', [following('base', 'web:1')])
    world.push(one, 'web:1')

    expect(world.condition('base', 'app')).toBeUndefined()
    expect(world.meant('app:base')).toEqual([ONE])
  })

  it('keeps what it had when its source is removed, and moves on when that is back', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.untag('web:1')
    expect(world.meant('app:base')).toEqual([ONE])

    world.push(two, 'web:1')
    expect(world.meant('app:base')).toEqual([TWO, ONE])
  })

  it('keeps what it had when the stream of its source is deleted, and follows a new one of that name', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.writer.delete({ namespace: 'default', name: 'web' })
    expect(world.meant('app:base')).toEqual([ONE])

    world.push(two, 'web:1')
    expect(world.meant('app:base')).toEqual([TWO, ONE])
  })

  it('follows no more once its spec tag says something else, or is gone', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('a', 'web:1'), following('b', 'web:1'), following('c', 'web:1')])
    world.specify('app', [
      fromImage('a', `${UPSTREAM}:x`, { reference: true }),
      following('b', 'web:1', { reference: true }),
    ])
    world.push(two, 'web:1')

    expect(['a', 'b', 'c'].map((tag) => world.meant(`app:${tag}`))).toEqual([[ONE], [ONE], []])
  })
})

describe('a spec tag from a tag that is written', () => {
  it('gets what its source means at once, in the transaction that writes it', () => {
    world.push(one, 'web:1')
    const { stream } = world.writer.create({
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

  it('with reference: true gets it once, and follows nothing', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1', { reference: true })])
    world.push(two, 'web:1')

    expect(world.meant('app:base')).toEqual([ONE])
    expect(world.streams.specTag(world.stream('app').id, tagName('base'))).toMatchObject({
      reference: 1,
      followsTag: null,
    })
  })

  it('beside its source gets the source’s new image only, whatever the order and the way between them', () => {
    world.push(one, 'old:x')
    world.push(two, 'new:x')
    world.createWith('app', [following('b', 'old:x')])
    world.createWith('between', [following('b', 'app:b')])
    world.specify('app', [following('a', 'between:b'), following('b', 'new:x')])

    expect(world.meant('app:b')).toEqual([TWO, ONE])
    expect(world.meant('app:a')).toEqual([TWO])
  })

  it('changed in another way raises the generation of the newest event, and is no push', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.specify('app', [following('base', 'web:1', { annotations: [{ key: 'why', value: 'so' }] })])

    expect(world.eventsOf('app:base')).toMatchObject([{ generation: 2 }])
    expect(world.log()).toHaveLength(2)
  })

  it('that says what it said before is not written, and moves nothing', () => {
    world.push(one, 'web:1')
    world.createWith('app', [following('base', 'web:1')])
    world.push(two, 'app:base')
    const before = world.dump()
    world.specify('app', [following('base', 'web:1')])

    expect(world.dump()).toEqual(before)
  })

  it('is not imported, and wins over the repository’s tag of its name', async () => {
    world.remote.push(UPSTREAM, 'latest', one).push(UPSTREAM, 'stable', two)
    const tags = [following('stable', 'latest')]
    const { imported } = await world.create({ spec: { dockerImageRepository: UPSTREAM, tags } })

    expect(imported).toMatchObject({ total: 1, imported: 1 })
    expect(world.meant('ruby:stable')).toEqual([ONE])
    expect(() => world.beginImport({ tag: 'stable' })).toThrow('ImageStreamTag latest')
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
  ])('gets it by %s, also when the tag has moved on', (_, name) => {
    world.push(one, 'web:1')
    world.push(two, 'web:1')
    world.createWith('app', [fromHistory(name)])

    expect(world.meant('app:pinned')).toEqual([ONE])
    expect(world.eventsOf('app:pinned')[0]?.dockerImageReference).toContain(`/default/web@${ONE}`)
    world.push(image({ seed: 3 }), 'web:1')
    expect(world.meant('app:pinned')).toEqual([ONE])
  })

  it.each([ONE, `@${ONE}`])('without a stream is one of its own stream: %s', (name) => {
    world.push(one, 'web:1')
    world.specify('web', [fromHistory(name)])

    expect(world.meant('web:pinned')).toEqual([ONE])
  })

  it('is where the tag had it that got it last', () => {
    world.push(one, 'app:x')
    world.push(two, 'web:2')
    world.retag('web:1', 'app:x')
    world.push(one, 'web:2')
    world.createWith('other', [fromHistory(`web@${ONE}`)])

    expect(world.eventsOf('other:pinned')[0]?.dockerImageReference).toContain(`/default/web@${ONE}`)
  })

  it('by a whole digest that is not there is written all the same, as documents of other servers have them', () => {
    world.createWith('app', [fromHistory(`web@${ONE}`)])

    expect(world.streams.specTags([world.stream('app').id])).toMatchObject([{ fromName: `web@${ONE}` }])
    expect(world.meant('app:pinned')).toEqual([])
  })

  it('by a beginning of no digest is NOT_FOUND, of several CONFLICT with the candidates; nothing is written', () => {
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

  it('across streams is refused when it is closed, also where the other half waited for this stream', () => {
    world.createWith('b', [following('2', 'a:1')])
    const before = world.dump()

    expect(() => world.createWith('a', [following('1', 'b:2')])).toThrow(
      refused('spec.tags.0.from.name', 'a:1 → b:2 → a:1'),
    )
    expect(world.dump()).toEqual(before)
  })

  it('across namespaces is told with them', () => {
    world.createWith('team/b', [following('2', 'a:1', { namespace: 'default' })])

    expect(() => world.createWith('a', [following('1', 'b:2', { namespace: 'team' })])).toThrow(
      'default/a:1 → team/b:2 → default/a:1',
    )
  })

  it('that is long is told in short', () => {
    for (let at = 1; at < 100; at++) world.createWith(`s${at}`, [following('t', `s${at - 1}:t`)])

    expect(() => world.createWith('s0', [following('t', 's99:t')])).toThrow(
      /^a tag cannot follow itself: (?:s\d+:t → ){6}… \d+ more …(?: → s\d+:t){6}$/,
    )
  })

  it('is none where a reference takes part, which follows nothing', () => {
    world.createWith('b', [following('2', 'a:1', { reference: true })])
    world.createWith('a', [following('1', 'b:2')])

    expect(world.streams.specTags([world.stream('a').id])).toHaveLength(1)
  })

  it('may be undone and turned round in one write', () => {
    world.push(one, 'a:0')
    world.specify('a', [following('1', '0'), following('2', '1')])
    world.push(two, 'a:0')
    world.specify('a', [following('1', '2'), following('2', '0')])

    expect(world.meant('a:1')).toEqual([TWO, ONE])
  })
})

describe('what following costs', () => {
  const LOOK_UP = /where p\.follows_namespace = \?/
  const STEP = /"follows_namespace".* from "image_streams"/

  it('is one look-up by index for each tag that changed, and none for one that did not', () => {
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
      .all('default', 'web', '1')
      .map(({ detail }) => detail)
    expect(plan[0]).toMatch(/^SEARCH p USING (?:COVERING )?INDEX spec_tags_by_followed/)
    expect(plan.join()).not.toContain('SCAN')
  })

  it('is one step for each tag of a chain that is written, not one for each pair', () => {
    const length = 500
    const tags = Array.from({ length }, (_, at) => following(`t${at + 1}`, `t${at}`))
    world.push(one, 'web:t0')
    using statements = watchStatements()
    world.specify('web', tags.reverse())

    expect(world.meant(`web:t${length}`)).toEqual([ONE])
    expect(statements.run.filter((text) => STEP.test(text))).toHaveLength(length + 1)
    expect(statements.run.filter((text) => LOOK_UP.test(text))).toHaveLength(length)
  })
})

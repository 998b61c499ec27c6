import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { TagImageInput } from '../../src/imagestream/commands/tag-image.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { createUsage } from '../../src/registry/content/usage.ts'
import { referrer } from '../collect/blobs/world.ts'
import { apply } from '../documents/documents.ts'
import { type Image, type Index, image, index } from '../fixtures/random-image.ts'
import { tagName } from '../fixtures/test-domain.ts'
import { openWorld, type World } from './world.ts'

// Line 16: a tag of any stream is pulled under that stream's own name.

const app = image({ seed: 'app' })
const next = image({ seed: 'next' })

let world: World
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

/** Tags an image of a stream as a tag of `b/y`, as a copy by default. */
const promote = (from: string, tag = 'prod', more: Partial<TagImageInput> = {}) => {
  const [namespace = '', name = ''] = from.split('/')
  const kind = name.includes('@') ? 'ImageStreamImage' : 'ImageStreamTag'
  const options = { alias: false, reference: false, scheduled: false, insecure: false }
  return world.domain.tagging.tagImage(SYSTEM, {
    ...{ namespace: 'b', imageStream: 'y', tag, from: { kind, name, namespace } },
    ...options,
    ...more,
  })
}

const tagOf = (namespace: string, name: string, tag: string) => {
  const stream = world.domain.streams.byName(SYSTEM, namespace, name)
  return stream && world.domain.tags.named([stream.id], tagName(tag))[0]
}
const pullSpec = (tag = 'prod') => tagOf('b', 'y', tag)?.dockerImageReference

/** Number of manifests of a repository. */
const linked = (repository: string): number =>
  world.domain.db
    .prepare<{ total: number }>(
      `select count(*) as total from repository_manifests m join repositories r on r.id = m.repository_id
       where r.namespace || '/' || r.name = ?`,
    )
    .get(repository)?.total ?? 0

/** Inserts manifests without content into `a/x`, with this subject; as children of an index, if there is one. */
function referTo(subject: string, count: number, parent?: string): void {
  const { db, time } = world.domain
  const addImage = db.prepare(
    `insert into images (digest, media_type, docker_image_reference, manifest) values (?, 'x', '', x'')`,
  )
  const link = db.prepare(
    `insert into repository_manifests (repository_id, digest, image_id, subject, insecure, pushed_at, confirmed_at)
     values ((select id from repositories where name = 'x'), ?, ?, ?, 0, ?, ?)`,
  )
  const list = db.prepare(
    'insert into manifest_references (image_id, digest) values ((select id from images where digest = ?), ?)',
  )
  db.transact(() => {
    for (let at = 0; at < count; at++) {
      const digest = digestOf(`${at}`)
      link.run(digest, addImage.insert(digest), subject, time, time)
      if (parent !== undefined) list.run(parent, digest)
    }
  })
}

/** Pulls an image by a reference and all its parts by digest, as a client does. Throws unless the registry has all of them. */
async function pull(repository: string, reference: string, content: Image | Index): Promise<void> {
  const requireOk = async (path: string): Promise<Buffer> => {
    expect([path, (await world.head(path)).status]).toEqual([path, 200])
    const { status, bytes } = await world.get(path)
    expect([path, status]).toEqual([path, 200])
    return bytes
  }
  expect(await requireOk(`/v2/${repository}/manifests/${reference}`)).toEqual(content.bytes)
  if (content.kind === 'index') {
    for (const child of content.manifests) await pull(repository, child.digest, child)
  } else
    for (const { digest } of [content.config, ...content.layers]) {
      await requireOk(`/v2/${repository}/blobs/${digest}`)
    }
}

describe('a pushed image that is tagged in another stream', () => {
  it('is pulled under the name of that stream, by tag and by digest, with its blobs', async () => {
    await world.push('a/x', app, 'v1')
    expect((await world.get('/v2/b/y/manifests/prod')).status).toBe(404)
    promote('a/x:v1')

    await pull('b/y', 'prod', app)
    await pull('b/y', app.digest, app)
    expect((await world.get('/v2/b/y/tags/list')).json).toEqual({ name: 'b/y', tags: ['prod'] })
    expect((await world.get('/v2/_catalog')).json).toEqual({ repositories: ['a/x', 'b/y'] })
  })

  it('has a pull spec and a push that name that stream', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1')

    const own = `registry.test/b/y@${app.digest}`
    expect(pullSpec()).toBe(own)
    expect(world.domain.log().at(-1)).toMatchObject({ source: 'TAG', tag: 'prod', dockerImageReference: own })
    expect(tagOf('a', 'x', 'v1')?.dockerImageReference).toBe(`registry.test/a/x@${app.digest}`)
  })

  it('needs no second copy of its bytes', async () => {
    await world.push('a/x', app, 'v1')
    const count = () => world.domain.db.prepare('select count(*) as total from blobs').get()
    const before = count()
    promote('a/x:v1')

    expect(count()).toEqual(before)
  })

  it('is pulled with the children of an index, to any depth', async () => {
    const multi = index([index([app, next]), app])
    await world.push('a/x', multi, 'v1')
    promote('a/x:v1')

    await pull('b/y', 'prod', multi)
  })

  it('brings its referrers, also those that are pushed later', async () => {
    const [before, after] = [referrer(app, 'before'), referrer(app, 'after')]
    await world.push('a/x', app, 'v1')
    await world.push('a/x', before)
    promote('a/x:v1')
    world.domain.tagging.tagImage(SYSTEM, {
      ...{ namespace: 'c', imageStream: 'z', tag: 'live', alias: true, reference: false },
      ...{
        from: { kind: 'ImageStreamTag', name: 'y:prod', namespace: 'b' },
        scheduled: false,
        insecure: false,
      },
    })
    await world.push('a/x', after)
    await world.push('a/x', referrer(after, 'timestamp'))

    for (const repository of ['b/y', 'c/z']) {
      const { json } = await world.get(`/v2/${repository}/referrers/${app.digest}`)
      const digests = [before.digest, after.digest].sort()
      expect((json as { manifests: { digest: string }[] }).manifests.map(({ digest }) => digest)).toEqual(
        digests,
      )
      await pull(repository, before.digest, before)
      await pull(repository, after.digest, after)
      await pull(repository, referrer(after, 'timestamp').digest, referrer(after, 'timestamp'))
    }
  })

  it('is pulled with the attachments under the tags of cosign, which move with those of its source', async () => {
    const tag = `${app.digest.replace(':', '-')}.sig`
    await world.push('a/x', app, 'v1')
    promote('a/x:v1')
    expect((await world.get(`/v2/b/y/manifests/${tag}`)).status).toBe(404)
    for (const seed of ['signature', 'signatures']) {
      await world.push('a/x', image({ seed }), tag)
      await pull('b/y', tag, image({ seed }))
    }
    expect((await world.get('/v2/b/y/tags/list')).json).toEqual({ name: 'b/y', tags: ['prod'] })
  })

  it('keeps its referrers to the repositories that have a copy of their subject', async () => {
    await world.push('a/x', app, 'v1')
    await world.push('other/own', app, 'v1')
    promote('a/x:v1')
    await world.push('a/x', referrer(app))

    const { json } = await world.get(`/v2/other/own/referrers/${app.digest}`)
    expect(json).toMatchObject({ manifests: [] })
  })

  it('gives no access to other content of its stream', async () => {
    await world.push('a/x', app, 'v1')
    await world.push('a/x', next, 'secret')
    promote('a/x:v1')

    expect((await world.get(`/v2/b/y/manifests/${next.digest}`)).status).toBe(404)
    expect((await world.get(`/v2/b/y/blobs/${next.config.digest}`)).status).toBe(404)
  })

  it('is promoted by its digest', async () => {
    await world.push('a/x', app, 'v1')
    await world.push('a/x', next, 'v1')
    promote(`a/x@${app.digest.slice(0, 20)}`)

    await pull('b/y', 'prod', app)
    expect(pullSpec()).toBe(`registry.test/b/y@${app.digest}`)
  })

  it('is pulled under a name of several components', async () => {
    await world.push('a/team/x', app, 'v1')
    const from = { kind: 'ImageStreamTag', name: 'team/x:v1', namespace: 'a' } as const
    promote('a/x:v1', 'prod', { namespace: 'b', imageStream: 'team/y', from })

    await pull('b/team/y', 'prod', app)
    expect(tagOf('b', 'team/y', 'prod')?.dockerImageReference).toBe(`registry.test/b/team/y@${app.digest}`)
  })

  it('is found by a pull spec from before the registry got another host', async () => {
    await world.push('a/x', app, 'v1')
    world.domain.db
      .prepare(
        "update tag_events set docker_image_reference = replace(docker_image_reference, 'registry.test', 'old:4000')",
      )
      .run()
    promote('a/x:v1')

    await pull('b/y', 'prod', app)
    expect(pullSpec()).toBe(`registry.test/b/y@${app.digest}`)
  })

  it('is promoted to the same tag again, where the content of the tag was deleted', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1')
    await world.delete(`/v2/b/y/blobs/${app.config.digest}`)
    promote('a/x:v1')

    await pull('b/y', 'prod', app)
  })

  it('is linked from any repository that still has it, if its stream no longer does', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1', 'first')
    await world.push('a/x', next, 'v1')
    await world.delete(`/v2/a/x/manifests/${app.digest}`)
    promote(`a/x@${app.digest}`)

    await pull('b/y', 'prod', app)
    expect(pullSpec()).toBe(`registry.test/b/y@${app.digest}`)
  })

  it('is linked with the nearest referrers, if there are too many', async () => {
    await world.push('a/x', app, 'v1')
    await world.push('a/x', referrer(app))
    referTo(referrer(app).digest, 10_000)
    promote('a/x:v1')

    await pull('b/y', 'prod', app)
    await pull('b/y', referrer(app).digest, referrer(app))
    expect(linked('b/y')).toBe(10_000)
  })

  it('stays where it is, if its index has too many manifests', async () => {
    const multi = index([app])
    await world.push('a/x', multi, 'v1')
    referTo(app.digest, 10_000, multi.digest)
    promote('a/x:v1')

    expect(pullSpec()).toBe(`registry.test/a/x@${multi.digest}`)
    expect(linked('b/y')).toBe(0)
  })

  it('stays a tag with the pull spec of its source when the source no longer has the content', async () => {
    await world.push('a/x', app, 'v1')
    await world.push('a/x', next, 'v1')
    await world.delete(`/v2/a/x/manifests/${app.digest}`)
    promote(`a/x@${app.digest}`)

    expect(pullSpec()).toBe(`registry.test/a/x@${app.digest}`)
    expect((await world.get('/v2/b/y/manifests/prod')).status).toBe(404)
  })
})

describe('a tag that follows the tag of another stream', () => {
  it('serves each image that is pushed there, in the transaction of the push', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1', 'prod', { alias: true })
    await pull('b/y', 'prod', app)

    await world.push('a/x', next, 'v1')
    await pull('b/y', 'prod', next)
    await pull('b/y', app.digest, app)
    expect(pullSpec()).toBe(`registry.test/b/y@${next.digest}`)
  })

  it('serves an image that is pushed after it began to wait, through any number of streams', async () => {
    promote('a/x:v1', 'prod', { alias: true })
    world.domain.tagging.tagImage(SYSTEM, {
      ...{ namespace: 'c', imageStream: 'z', tag: 'live', alias: true, reference: false },
      ...{
        from: { kind: 'ImageStreamTag', name: 'y:prod', namespace: 'b' },
        scheduled: false,
        insecure: false,
      },
    })
    const multi = index([app, next])
    await world.push('a/x', multi, 'v1')

    await pull('b/y', 'prod', multi)
    await pull('c/z', 'live', multi)
    expect(tagOf('c', 'z', 'live')?.dockerImageReference).toBe(`registry.test/c/z@${multi.digest}`)
  })

  it('gives its image to the policies of its stream', async () => {
    world.domain.setTagPolicy(SYSTEM, {
      ...{ namespace: 'b', imageStream: 'y', tag: 'stable', policy: { order: 'SEMVER' }, dryRun: false },
      ...{ scheduled: false, insecure: false },
    } as never)
    await world.push('a/x', app, '1.0.0')
    promote('a/x:1.0.0', '1.0.0')

    await pull('b/y', 'stable', app)
    expect(pullSpec('stable')).toBe(`registry.test/b/y@${app.digest}`)
  })
})

describe('a stream whose spec has tags of another stream', () => {
  it('serves all of them from its creation on', async () => {
    const tags = ['v1', 'v2']
    await world.push('a/x', app, 'v1')
    await world.push('a/x', next, 'v2')
    world.domain.writer.create(SYSTEM, {
      ...{ namespace: 'b', name: 'y' },
      spec: {
        tags: tags.map((name) => ({
          ...{ name, from: { kind: 'ImageStreamTag', name: `x:${name}`, namespace: 'a' }, reference: false },
        })),
      },
    })

    await pull('b/y', 'v1', app)
    await pull('b/y', 'v2', next)
  })
})

describe('an applied document', () => {
  it('with tags of another stream gives its stream what they need', async () => {
    await world.push('a/x', app, 'v1')
    await world.push('a/x', next, 'v2')
    const from = (name: string) => ({ kind: 'ImageStreamTag', namespace: 'a', name })
    const document = {
      ...{
        apiVersion: 'image.openshift.io/v1',
        kind: 'ImageStream',
        metadata: { namespace: 'b', name: 'y' },
      },
      spec: {
        tags: [
          { name: 'prod', from: from('x:v1') },
          { name: 'pinned', from: { kind: 'ImageStreamImage', namespace: 'a', name: `x@${next.digest}` } },
        ],
      },
    }
    apply(world.domain, JSON.stringify(document))

    await pull('b/y', 'prod', app)
    await pull('b/y', 'pinned', next)
  })
})

describe('an image that a stream imports from this registry', () => {
  it('is pulled under its own name too, while its pull spec names the source', async () => {
    await world.push('a/x', app, 'v1')
    world.domain.remote.push('registry.test/a/x', 'v1', app)
    const importId = world.domain.importImage(SYSTEM, {
      ...{ namespace: 'b', imageStream: 'y', tag: 'prod', from: 'registry.test/a/x:v1' },
      ...{ all: false, confirm: true, dryRun: false },
    })
    await world.domain.finished(importId)

    await pull('b/y', 'prod', app)
    expect(pullSpec()).toBe(`registry.test/a/x@${app.digest}`)
  })

  it('is not linked from a repository of the same path of another registry', async () => {
    await world.push('a/x', app, 'v1')
    world.domain.remote.push('quay.io/a/x', 'v1', app)
    const importId = world.domain.importImage(SYSTEM, {
      ...{ namespace: 'c', imageStream: 'z', tag: 'live', from: 'quay.io/a/x:v1' },
      ...{ all: false, confirm: true, dryRun: false },
    })
    await world.domain.finished(importId)
    promote('c/z:live')

    expect((await world.get('/v2/c/z/manifests/live')).status).toBe(404)
    expect((await world.get('/v2/b/y/manifests/prod')).status).toBe(404)
    expect(pullSpec()).toBe(`quay.io/a/x@${app.digest}`)
  })
})

describe('a roll-back to an image of another stream', () => {
  it('is pulled, also after its repository lost the image', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1', 'prod', { alias: true })
    await world.push('a/x', next, 'v1')
    world.domain.rollBackTag(SYSTEM, { namespace: 'b', imageStream: 'y', tag: 'prod', digest: app.digest })
    await pull('b/y', 'prod', app)

    await world.push('a/x', next, 'v2')
    promote('a/x:v2')
    await world.delete(`/v2/b/y/manifests/${app.digest}`)
    world.domain.rollBackTag(SYSTEM, { namespace: 'b', imageStream: 'y', tag: 'prod', digest: app.digest })
    await pull('b/y', 'prod', app)
    expect(pullSpec()).toBe(`registry.test/b/y@${app.digest}`)
  })
})

describe('the link of a promoted image', () => {
  const rows = () =>
    ['repositories', 'repository_manifests', 'repository_blobs', 'tags', 'tag_events', 'push_log'].map(
      (table) => world.domain.dump()[table],
    )

  it('is written with the event of the tag, or not at all', async () => {
    await world.push('a/x', app, 'v1')
    const before = rows()
    const interrupted = () =>
      world.domain.db.transact(() => {
        promote('a/x:v1')
        expect(rows()).not.toEqual(before)
        throw new Error('the server ends here')
      })

    expect(interrupted).toThrow('ends here')
    expect(rows()).toEqual(before)
  })

  it('is not written again for a push of the image that the tag already points to', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1', 'prod', { alias: true })
    const before = rows()
    await world.putManifest('a/x', app, 'v1')

    expect(rows().slice(2)).toEqual(before.slice(2))
  })
})

describe('what was removed and is restored', () => {
  it('as a stream under another name, is pulled under that name', async () => {
    await world.push('a/x', app, 'v1')
    const uid = world.domain.streams.byName(SYSTEM, 'a', 'x')?.uid ?? ''
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'a', name: 'x' })
    await world.push('a/x', next, 'v1')
    world.domain.streamRemoval.restore(SYSTEM, { uid, name: 'restored' })

    await pull('a/restored', 'v1', app)
    expect(tagOf('a', 'restored', 'v1')?.dockerImageReference).toBe(`registry.test/a/restored@${app.digest}`)
    await pull('a/x', 'v1', next)
  })

  it('is in no list of repositories and no source of a mount until then', async () => {
    const { db } = world.domain
    const usage = createUsage(db)
    await world.push('a/x', app, 'v1')
    await world.push('a/other', next, 'v1')
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'a', name: 'x' })
    const uid = db.prepare<{ uid: string }>('select uid from image_streams where deleted_at > 0').get()?.uid

    const listed = await usage.repositories(SYSTEM, {}, { limit: 9 })
    expect(listed.map(({ name }) => name)).not.toContain(`x@${uid}`)
    expect(await usage.countRepositories(SYSTEM, {})).toBe(listed.length)
    const mount = `/v2/c/z/blobs/uploads/?mount=${app.config.digest}`
    expect((await world.send('POST', mount)).status).toBe(202)
    expect((await world.send('POST', `${mount}&from=${encodeURIComponent(`a/x@${uid}`)}`)).status).toBe(202)
    world.domain.streamRemoval.restore(SYSTEM, { uid: uid ?? '' })
    expect((await world.send('POST', mount)).status).toBe(201)
  })

  it('as a tag with an image of another stream, is pulled, also if its repository lost the image', async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1')
    world.domain.tagRemoval.remove(SYSTEM, { namespace: 'b', imageStream: 'y', tag: 'prod' })
    await world.delete(`/v2/b/y/manifests/${app.digest}`)
    world.domain.tagRemoval.restore(SYSTEM, { namespace: 'b', imageStream: 'y', tag: 'prod' })

    await pull('b/y', 'prod', app)
    expect(pullSpec()).toBe(`registry.test/b/y@${app.digest}`)
  })
})

describe('deletion', () => {
  beforeEach(async () => {
    await world.push('a/x', app, 'v1')
    promote('a/x:v1', 'prod', { alias: true })
  })

  it.each([
    ['its tag', () => world.delete('/v2/a/x/manifests/v1')],
    ['its manifest', () => world.delete(`/v2/a/x/manifests/${app.digest}`)],
    ['its blob', () => world.delete(`/v2/a/x/blobs/${app.config.digest}`)],
    ['its stream', () => world.domain.streamRemoval.delete(SYSTEM, { namespace: 'a', name: 'x' })],
    [
      'its tag, in the API',
      () => world.domain.tagRemoval.remove(SYSTEM, { namespace: 'a', imageStream: 'x', tag: 'v1' }),
    ],
  ])('of %s leaves the image in the other stream', async (_what, remove) => {
    await remove()

    await pull('b/y', 'prod', app)
  })

  it('of the copy leaves the image in its own stream', async () => {
    expect((await world.delete(`/v2/b/y/manifests/${app.digest}`)).status).toBe(202)

    expect((await world.get('/v2/b/y/manifests/prod')).status).toBe(404)
    expect(tagOf('b', 'y', 'prod')).toBeUndefined()
    await pull('a/x', 'v1', app)
  })
})

import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { envelopeOf, pushEvent, realEnvelopes } from '../../fixtures/notifications.ts'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('an envelope of CNCF distribution or self-managed GitLab', () => {
  const { DISTRIBUTION: sender, GITLAB: gitlab } = senders

  it('also contains pulls and blobs; only changes of tags are hints, with the host in request.host', () => {
    const reading = read(sender, body('cncf-distribution'))

    expect(spelled(reading)).toEqual([
      `push registry.example.com/a/b:v1@${digest('a')}`,
      'delete registry.example.com/a/b:v1',
    ])
    expect(reading.note).toBe(
      'push of registry.example.com/a/b:v1, deletion of registry.example.com/a/b:v1; push of a blob, ignored',
    )
  })

  it('of 21 events with one tag is one hint (keel#289)', () => {
    const blobs = Array.from({ length: 20 }, (_, at) =>
      pushEvent({ digest: digestOf(`${at}`), mediaType: 'application/octet-stream' }),
    )
    const reading = read(sender, envelopeOf(...blobs, pushEvent({ tag: 'v1', id: 'tagged' })))

    expect(spelled(reading)).toEqual([`push -/shop/web:v1@${digestOf('image')}`])
    expect(reading.note).toBe('push of shop/web:v1; 20 × push of a blob, ignored')
  })

  it('that reports our own HEAD requests as pulls has no hints, so that there is no loop', () => {
    for (const version of ['2.8.2', '3.0.0']) {
      const envelope = realEnvelopes().get(`${version}-manifest-head-is-pull`)
      expect(read(sender, envelope)).toMatchObject({ hints: [], note: 'pull, ignored' })
    }
  })

  it('has one deletion for each tag; a deletion by digest may concern any tag', () => {
    expect(read(sender, realEnvelopes().get('3.0.0-tag-delete'))).toMatchObject({
      hints: [{ action: 'delete', repository: 'ns/app', tag: 'v2', digest: null }],
    })
    expect(read(sender, realEnvelopes().get('2.8.2-manifest-delete'))).toMatchObject({
      hints: [
        { action: 'delete', repository: 'ns/app', tag: null, digest: expect.stringMatching(/^sha256:/) },
      ],
    })
  })

  it('with a push by digest has no hints: no tag changed', () => {
    expect(read(sender, realEnvelopes().get('3.0.0-manifest-push-by-digest'))).toMatchObject({
      hints: [],
      note: 'push by digest, ignored',
    })
  })

  it.each(['v1', 'v2'])('may have the type …events.%s+json', (version) => {
    const type = `application/vnd.docker.distribution.events.${version}+json`
    expect(read(gitlab, body('cncf-distribution'), { headers: { 'content-type': type } }).hints).toHaveLength(
      2,
    )
  })

  it('that is invalid is noted and not refused: after a 400 the registry would repeat it, and send nothing else', () => {
    for (const unreadable of ['', '{', '[]', '{"events":7}', Buffer.from([0xff, 0xfe])]) {
      const reading = read(sender, unreadable)
      expect(reading).toMatchObject({ id: null, hints: [] })
      expect(reading.note).toMatch(/^the body (?:is not|has no) .*, ignored$/)
    }
  })

  it('with an invalid event yields the hints of the other events', () => {
    const wrong = { ...pushEvent(), target: { mediaType: 'application/vnd.oci.image.manifest.v1+json' } }
    const reading = read(sender, envelopeOf(wrong, null as never, pushEvent({ tag: 'v2' })))

    expect(spelled(reading)).toEqual([`push -/shop/web:v2@${digestOf('image')}`])
    expect(reading.note).toContain("events[0].target.repository is not a repository's name")
  })

  it('has the ids of its events as its id, also if it is repeated', () => {
    const one = read(sender, envelopeOf(pushEvent({ id: 'a', tag: 'v1' })))
    const envelope = envelopeOf(pushEvent({ id: 'a', tag: 'v1' }), pushEvent({ id: 'b', tag: 'v2' }))

    expect(one.id).toBe('a')
    expect(read(sender, envelope).id).toBe(read(sender, envelope).id)
    expect(read(sender, envelope).id).toMatch(/^[0-9a-f]{64}$/)
  })
})

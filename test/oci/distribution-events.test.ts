import { describe, expect, it } from 'vitest'
import { digestOf } from '../../src/oci/digest.ts'
import {
  InvalidEnvelopeError,
  MAX_EVENTS,
  parseEnvelope,
  readEnvelope,
} from '../../src/oci/distribution-events.ts'
import { DOCKER_SCHEMA1_SIGNED } from '../../src/oci/media-types.ts'
import { deleteEvent, envelopeOf, pushEvent, realEnvelopes } from '../fixtures/notifications.ts'

const digest = digestOf('image')
const real = realEnvelopes()
const parseReal = (name: string) => parseEnvelope(real.get(name) ?? '')
const versions = ['2.8.2', '3.0.0']

describe('a notification of a real docker-registry', () => {
  it.each(versions)('of %s: a push by tag has tag, digest and time', (version) => {
    const [event] = parseReal(`${version}-manifest-push-by-tag`)

    expect(event).toMatchObject({
      action: 'push',
      repository: 'ns/app',
      tag: 'v1',
      digest: 'sha256:930c4adb7e38527e7e20e99824a8dcb917ac3245c16af70a73952ff686b425e2',
    })
    expect(new Date(event?.occurredAt ?? 0).toISOString()).toMatch(/^2026-11-23T09:/)
    expect(event?.eventId).toMatch(/^[0-9a-f-]{36}$/)
  })

  it.each(versions)('of %s: a push by digest has no tag, also of a manifest list', (version) => {
    expect(parseReal(`${version}-manifest-push-by-digest`)).toMatchObject([{ action: 'push', tag: null }])
    expect(parseReal(`${version}-manifest-list-push`)).toMatchObject([
      { action: 'push', repository: 'ns/multi', tag: '1' },
    ])
  })

  it.each(versions)('of %s: a deletion names either the tag or the digest', (version) => {
    expect(parseReal(`${version}-tag-delete`)).toMatchObject([{ action: 'delete', digest: null }])
    expect(parseReal(`${version}-tag-delete`)[0]?.tag).toBeTruthy()
    expect(parseReal(`${version}-manifest-delete`)).toMatchObject([
      { action: 'delete', tag: null, digest: expect.stringMatching(/^sha256:/) },
    ])
  })

  it('is a push for Docker’s own types too', () => {
    expect(parseReal('2.8.2-manifest-push-docker-v2s2')).toMatchObject([{ action: 'push', tag: 'v1-docker' }])
  })

  it('is read without error, and only pushes and deletions of manifests remain', () => {
    const kept = [...real].filter(([, body]) => parseEnvelope(body).length > 0).map(([name]) => name)

    expect(real.size).toBe(25)
    // the deletion of a blob is reported like that of a manifest
    expect(kept.map((name) => name.slice('2.8.2-'.length)).sort()).toEqual(
      [
        ...versions.flatMap(() => [
          'blob-delete',
          'manifest-delete',
          'manifest-list-push',
          'manifest-push-by-digest',
          'manifest-push-by-tag',
          'tag-delete',
        ]),
        'manifest-push-docker-v2s2',
      ].sort(),
    )
  })
})

describe('an envelope', () => {
  it('yields its relevant events in order', () => {
    const envelope = envelopeOf(
      pushEvent({ id: 'blob', mediaType: 'application/octet-stream' }),
      pushEvent({ id: 'a', tag: 'v1' }),
      { ...pushEvent({ id: 'pull' }), action: 'pull' },
      { ...pushEvent({ id: 'mount' }), action: 'mount' },
      { action: 'something new' },
      deleteEvent({ id: 'b', tag: 'v1' }),
      deleteEvent({ id: 'c', digest }),
    )

    expect(parseEnvelope(envelope).map(({ eventId }) => eventId)).toEqual(['a', 'b', 'c'])
  })

  it('may be empty', () => {
    expect(parseEnvelope(envelopeOf())).toEqual([])
  })

  it('is refused with too many events', () => {
    const events = (count: number) => envelopeOf(...Array.from({ length: count }, () => ({ action: 'pull' })))

    expect(parseEnvelope(events(MAX_EVENTS))).toEqual([])
    expect(() => parseEnvelope(events(MAX_EVENTS + 1))).toThrow(
      `the body has ${MAX_EVENTS + 1} events: at most ${MAX_EVENTS} are allowed`,
    )
  })

  it('is read event by event, each with the host of its request', () => {
    const push = { ...pushEvent({ id: 'a' }), request: { host: 'registry.example.com' } }
    const entries = readEnvelope(envelopeOf(push, { ...pushEvent(), action: 'pull' }, {}))

    expect(entries).toMatchObject([
      { kind: 'event', event: { eventId: 'a' }, host: 'registry.example.com' },
      { kind: 'ignored', what: 'pull' },
      { kind: 'invalid', message: 'events[2].action is not a text' },
    ])
  })

  it('reports schema 1, and the deletion of a whole repository', () => {
    const [schema1, repository] = parseEnvelope(
      envelopeOf(pushEvent({ mediaType: DOCKER_SCHEMA1_SIGNED }), deleteEvent()),
    )

    expect(schema1).toMatchObject({ action: 'push' })
    expect(repository).toMatchObject({ action: 'delete', tag: null, digest: null })
  })

  it('has times with nanoseconds and zones', () => {
    const at = (time: string) => parseEnvelope(envelopeOf(pushEvent({ at: time })))[0]?.occurredAt

    expect(at('2026-11-23T09:29:59.949469693Z')).toBe(Date.UTC(2026, 10, 23, 9, 29, 59, 949))
    expect(at('2026-11-23T11:29:59.9+02:00')).toBe(Date.UTC(2026, 10, 23, 9, 29, 59, 900))
  })

  const target = pushEvent().target
  it.each<[string, string, string]>([
    ['is not JSON', '{"events":[', 'the body is not JSON'],
    ['is a list', '[]', 'the body has no list "events"'],
    ['has an object for its events', '{"events":{}}', 'the body has no list "events"'],
    ['has a null in it', '{"events":[null]}', 'events[0] is not an object'],
    ['has an event without action', '{"events":[{}]}', 'events[0].action is not a text'],
    [
      'has a push without target',
      envelopeOf({ ...pushEvent(), target: 'x' }),
      'events[0].target is not an object',
    ],
    [
      'has an event without id',
      envelopeOf({ ...pushEvent(), id: 7 }),
      'events[0].id is not a printable text without spaces',
    ],
    ['has an id of the inbox’s own', envelopeOf(pushEvent({ id: 'saw shop/web:v1' })), 'events[0].id is not'],
    ['has an id without end', envelopeOf(pushEvent({ id: 'x'.repeat(201) })), 'events[0].id is not'],
    [
      'has no time',
      envelopeOf(pushEvent({ at: 'yesterday' })),
      'events[0].timestamp is not an RFC 3339 time',
    ],
    [
      'has a time that is none',
      envelopeOf(pushEvent({ at: '2026-13-99T00:00:00Z' })),
      'events[0].timestamp is not',
    ],
    [
      'climbs out of its repository',
      envelopeOf(pushEvent({ repository: '../etc' })),
      "events[0].target.repository is not a repository's name",
    ],
    [
      'has an endless repository',
      envelopeOf(pushEvent({ repository: 'a'.repeat(256) })),
      'events[0].target.repository is not',
    ],
    [
      'has no repository',
      envelopeOf({ ...pushEvent(), target: { ...target, repository: undefined } }),
      'events[0].target.repository is not',
    ],
    ['has a tag that is none', envelopeOf(pushEvent({ tag: '-x' })), 'events[0].target.tag is not a tag'],
    [
      'has a digest that is none',
      envelopeOf(pushEvent({ digest: 'sha256:../../x' })),
      'events[0].target.digest is not a digest',
    ],
    [
      'pushes without digest',
      envelopeOf(pushEvent({ digest: '' })),
      'events[0].target.digest is not a digest',
    ],
    [
      'has one bad event behind a good one',
      envelopeOf(pushEvent(), pushEvent({ tag: '?' })),
      'events[1].target.tag is not a tag',
    ],
  ])('that %s is refused', (_, body, message) => {
    expect(() => parseEnvelope(body)).toThrow(InvalidEnvelopeError)
    expect(() => parseEnvelope(body)).toThrow(message)
  })

  it('cannot change the prototype of objects', () => {
    parseEnvelope(
      '{"events":[{"action":"push","__proto__":{"action":"delete"},"target":{}}]}'.replace('push', 'x'),
    )

    expect(Object.hasOwn(Object.prototype, 'action')).toBe(false)
  })
})

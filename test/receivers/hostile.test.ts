import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_EVENTS } from '../../src/oci/distribution-events.ts'
import { isRegistryName, isRepositoryName } from '../../src/oci/reference.ts'
import { isTagName } from '../../src/oci/tag.ts'
import {
  type Delivery,
  InvalidDeliveryError,
  MAX_HINTS,
  type ParsedDelivery,
} from '../../src/vendors/delivery/delivery.ts'
import { MAX_CHANGES } from '../../src/vendors/delivery/hints.ts'
import { SENDER_KINDS, type SenderKind } from '../../src/vendors/senders.ts'
import { envelopeOf, pushEvent } from '../fixtures/notifications.ts'
import { body, deliver, digest, image, noSettings, place, read, senders, spell } from './deliveries.ts'

/** Senders that never get an error: they would repeat the delivery before any other. */
const NEVER_REFUSED: readonly SenderKind[] = ['DISTRIBUTION', 'GITLAB', 'GOOGLE']

/** Returns what the sender reads; undefined if it refuses. Any other error fails the test. */
function tried(kind: SenderKind, delivery: Delivery): ParsedDelivery | undefined {
  try {
    return senders[kind].read(delivery, noSettings)
  } catch (error) {
    if (!(error instanceof InvalidDeliveryError) || NEVER_REFUSED.includes(kind)) throw error
    expect(error.message.length).toBeLessThan(400)
    expect(error.message).toMatch(/^[\x20-\x7e…]+$/)
    return undefined
  }
}

function checkReading(reading: ParsedDelivery | undefined): void {
  if (!reading) return
  expect(reading.note.length).toBeLessThanOrEqual(300)
  expect(reading.note).toMatch(/^[\x20-\x7e…×]+$/)
  expect(reading.hints.length).toBeLessThanOrEqual(MAX_HINTS)
  if (reading.id !== null) expect(reading.id).toMatch(/^[!-~]{1,200}$/)
  for (const { registry, repository, tag } of reading.hints) {
    expect(registry === null || isRegistryName(registry)).toBe(true)
    expect(isRepositoryName(repository)).toBe(true)
    expect(tag === null || isTagName(tag)).toBe(true)
  }
}

const sampleOf = (kind: SenderKind): Delivery => senders[kind].sample(place('secret'), image)

describe.each(SENDER_KINDS)('%s', (kind) => {
  it('reads any bytes without an internal error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        checkReading(tried(kind, { ...sampleOf(kind), body: bytes }))
      }),
    )
  })

  it('reads its body with any part replaced, without an internal error', () => {
    const original = JSON.parse(Buffer.from(sampleOf(kind).body).toString())
    const paths = pathsOf(original)
    const odd = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '../../etc',
        'A/B',
        '-v1',
        'x'.repeat(5000),
        '\n{"level":60}',
        '\u202e',
        'http://10.0.0.1',
      ),
    )
    fc.assert(
      fc.property(fc.constantFrom(...paths), odd, (path, value) => {
        const changed = replaced(structuredClone(original), path, value)
        checkReading(tried(kind, { ...sampleOf(kind), body: Buffer.from(JSON.stringify(changed)) }))
      }),
      { numRuns: 300 },
    )
  })

  it('reads deeply nested JSON without an internal error', () => {
    const bombs = ['['.repeat(200_000) + ']'.repeat(200_000), '{"a":'.repeat(200_000)]
    for (const bomb of bombs) checkReading(tried(kind, { ...sampleOf(kind), body: Buffer.from(bomb) }))

    const deep = `${'[1,'.repeat(200_000)}1${']'.repeat(200_000)}`
    const text = Buffer.from(sampleOf(kind).body).toString()
    for (const part of ['"v1"', '"team/app"', '"push"', '"PUSH_ARTIFACT"', '"published"']) {
      const changed = Buffer.from(text.replaceAll(part, deep))
      checkReading(tried(kind, { ...sampleOf(kind), body: changed }))
    }
  })

  it('reads keys such as __proto__ and constructor as names', () => {
    const text = '{"__proto__":{"hints":1,"tag":"v1"},"constructor":{"prototype":{"tag":"v1"}}}'
    checkReading(tried(kind, { ...sampleOf(kind), body: Buffer.from(text) }))
    const inherited = Buffer.from(`{"__proto__":${Buffer.from(sampleOf(kind).body).toString()}}`)

    expect(tried(kind, { ...sampleOf(kind), body: inherited })?.hints ?? []).toEqual([])
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as { tag?: string }).tag).toBeUndefined()
  })

  it('refuses or notes a body that is not UTF-8', () => {
    const { body: bytes } = sampleOf(kind)
    const broken = Buffer.concat([bytes.subarray(0, 2), Buffer.from([0xff]), bytes.subarray(2)])
    const reading = tried(kind, { ...sampleOf(kind), body: broken })

    expect(reading?.hints ?? []).toEqual([])
    expect(reading === undefined || NEVER_REFUSED.includes(kind)).toBe(true)
  })
})

describe('10^5 events', () => {
  const many = Array.from({ length: 100_000 }, (_, at) => at)
  const tags = (count: number) => many.slice(0, count).map((at) => `v${at}`)

  it('are not all read, and the delivery is acknowledged', () => {
    const reading = read(senders.DISTRIBUTION, envelopeOf(...many.map(() => ({}))))

    expect(reading.hints).toEqual([])
    expect(reading.note).toBe(`the body has 100000 events: at most ${MAX_EVENTS} are allowed, ignored`)
  })

  it('of one repository become one hint for all of its tags', () => {
    const events = many.slice(0, MAX_EVENTS).map((at) => pushEvent({ id: `e${at}`, tag: `v${at}` }))
    const reading = read(senders.DISTRIBUTION, envelopeOf(...events))

    expect(reading.hints).toEqual([
      { registry: null, repository: 'shop/web', tag: null, digest: null, action: 'push' },
    ])
    checkReading(reading)
  })

  it('of as many repositories become MAX_HINTS hints, and the rest is noted', () => {
    const events = many
      .slice(0, MAX_EVENTS)
      .map((at) => pushEvent({ id: `e${at}`, tag: 'v1', repository: `r/${at}` }))
    const reading = read(senders.DISTRIBUTION, envelopeOf(...events))

    expect(reading.hints).toHaveLength(MAX_HINTS)
    expect(reading.note).toContain(`${MAX_EVENTS - MAX_HINTS} more repositories, ignored`)
  })

  it('are hints for each tag up to the limit, and for the repository beyond', () => {
    const hints = (count: number) =>
      read(senders.QUAY, { ...body('quay'), updated_tags: tags(count) }).hints.length

    expect(hints(MAX_HINTS)).toBe(MAX_HINTS)
    expect(hints(MAX_HINTS + 1)).toBe(1)
  })

  it('are not read beyond a limit, which is noted', () => {
    const note = (count: number) => read(senders.QUAY, { ...body('quay'), updated_tags: tags(count) }).note

    expect(note(MAX_CHANGES)).not.toContain('more changes')
    expect(note(MAX_CHANGES + 1)).toContain('; 1 more changes, ignored')
  })

  it('of invalid names are counted, and the first is noted', () => {
    const events = many.slice(0, MAX_EVENTS).map((at) => ({ ...pushEvent(), action: `odd ${at}` }))
    expect(read(senders.DISTRIBUTION, envelopeOf(...events)).note).toBe(
      `${MAX_EVENTS} × unknown action, ignored`,
    )
    const illegal = many.slice(0, MAX_CHANGES).map((at) => `-${at}`)
    const reading = read(senders.QUAY, { ...body('quay'), updated_tags: illegal })

    expect(reading.hints).toEqual([])
    expect(reading.note).toMatch(/^20000 × left out: "-0" is not a tag/)
  })
})

it('a tag that a delivery repeats is one hint', () => {
  const parsed = read(senders.QUAY, { ...body('quay'), updated_tags: ['a', 'b', 'a'] })
  expect(parsed.hints.map(spell)).toEqual(['push quay.io/acme/app:a', 'push quay.io/acme/app:b'])
})

describe('illegal names', () => {
  it('are left out and noted, without effect on the others', () => {
    const json = { ...body('quay'), updated_tags: ['v1', '../x', 7, null, { a: 1 }, 'v'.repeat(129), 'v2'] }
    const reading = read(senders.QUAY, json)

    expect(reading.hints.map(({ tag }) => tag)).toEqual(['v1', 'v2'])
    expect(reading.note).toContain('5 × left out: "../x" is not a tag')
  })

  it.each([
    '../../etc',
    'Acme/App',
    'acme//app',
    'acme/app/',
    'acme/app:v1',
    '',
    'a'.repeat(256),
    7,
    null,
    ['a'],
  ])('the repository %j is invalid', (name) => {
    const json = body('aliyun-acr')
    json.repository.repo_full_name = name
    expect(read(senders.ALIYUN, json).hints).toEqual([])
  })

  it.each(['evil.example.com#', 'a b', 'user@host', 'host:99999', '[::1', 'host/path'])(
    'the registry %j is invalid',
    (host) => {
      const json = body('acr-native')
      json.request.host = host
      expect(read(senders.AZURE, json).hints).toEqual([])
    },
  )

  it('an invalid digest is ignored, and the hint is kept', () => {
    for (const odd of ['sha256:../../x', 'md5:abc', digest('A'), 7, {}]) {
      const json = body('acr-native')
      json.target.digest = odd
      expect(read(senders.AZURE, json).hints).toMatchObject([{ tag: 'v1', digest: null }])
    }
  })

  it('are noted in one printable line, without control characters and text direction marks', () => {
    const json = { ...body('acr-native'), action: 'x\n{"level":60}\u001b[31m\u202eü' }
    expect(read(senders.AZURE, json).note).toBe('action "x?{"level":60}?[31m??", ignored')
  })
})

it('an id of any length and content is stored as one word', () => {
  const id = (delivery: string) =>
    senders.GITHUB.read(
      deliver(body('github-package'), { 'x-github-event': 'package', 'x-github-delivery': delivery }),
      noSettings,
    ).id

  expect(id('d-1')).toBe('d-1')
  expect(id('x'.repeat(100_000))).toMatch(/^[0-9a-f]{64}$/)
  expect(id('two words')).toMatch(/^[0-9a-f]{64}$/)
  expect(id('two words')).not.toBe(id('two  words'))
  expect(id('')).toBeNull()
})

/** Returns the paths of all values within a value. */
function pathsOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]))]
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by
  const parent = value as Record<string, unknown>
  parent[key] = replaced(parent[key], rest, by)
  return parent
}

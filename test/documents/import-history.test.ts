import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { kindOf } from '../../src/events/log-entry.ts'
import { KEPT_ENTRIES } from '../../src/imagestream/watch/reported-histories.ts'
import { KEPT_MOVES } from '../../src/imagestream/watch/reported-moves.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { image } from '../fixtures/random-image.ts'
import { ALL, fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'
import {
  applyOne,
  exported,
  exportedYaml,
  imageStream,
  openshiftExport,
  refusal,
  tagOf,
} from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const IMPORT = { importHistory: true }
const HOUR = 3_600_000
const YEAR_START = Date.UTC(2025, 0, 1)

const digestOf = (seed: string | number): Digest => image({ seed }).digest
const isoOf = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')

/** An entry as OpenShift writes it. */
const entry = (seed: string | number, time: number, more: object = {}) => ({
  created: isoOf(time),
  dockerImageReference: `registry.test/ruby@${digestOf(seed)}`,
  generation: 1,
  image: digestOf(seed),
  ...more,
})

/** A document whose status has these histories by tag. */
const withHistory = (histories: Readonly<Record<string, unknown>>, spec: object = {}) => ({
  ...imageStream(spec),
  status: {
    dockerImageRepository: 'image-registry.openshift-image-registry.svc:5000/default/ruby',
    publicDockerImageRepository: 'default-route.apps.test/default/ruby',
    tags: Object.entries(histories).map(([tag, items]) => ({ tag, items })),
  },
})

const reported = (tag: string, name = 'ruby', namespace = 'default') => {
  const stream = domain.streams.byName(SYSTEM, namespace, name)
  const [found] = stream ? domain.tags.named([stream.id], tagName(tag)) : []
  return found ? domain.reportedMoves.ofTags([found.id], ALL) : []
}

const push = (seed: string | number) => domain.remote.push(UPSTREAM, 'v1', image({ seed }))

describe('the history of a tag in a document', () => {
  const three = [
    entry('c', YEAR_START + 3 * HOUR),
    entry('b', YEAR_START + 2 * HOUR),
    entry('a', YEAR_START + HOUR),
  ]

  it('is ignored with a warning that has its path', () => {
    expect(applyOne(domain, withHistory({ v1: three, v2: [entry('a', YEAR_START)] })).warnings).toEqual([
      'status.tags[0].items: 3 entries of history are ignored: importHistory: true imports them',
      'status.tags[1].items: 1 entry of history is ignored: importHistory: true imports it',
    ])
    expect(domain.dump()).toMatchObject({ tags: [], reported_moves: [] })
  })

  it('is imported as reported by the document, and not as history or as a push', () => {
    expect(applyOne(domain, withHistory({ v1: three }), IMPORT)).toMatchObject({
      action: 'CREATED',
      importedEntryCount: 3,
      warnings: [],
      diff: expect.stringContaining(
        '+ status.tags.v1.items: "3 entries of history, reported and not observed"\n',
      ),
    })

    expect(reported('v1')).toMatchObject([
      { digest: digestOf('c'), fromAt: YEAR_START + 3 * HOUR, untilAt: null, vendor: 'ImageStream document' },
      { digest: digestOf('b'), fromAt: YEAR_START + 2 * HOUR, untilAt: YEAR_START + 3 * HOUR },
      { digest: digestOf('a'), fromAt: YEAR_START + HOUR, untilAt: YEAR_START + 2 * HOUR },
    ])
    expect(domain.tag('v1')).toMatchObject({ image: null, newestEventId: null })
    expect(domain.history('v1')).toEqual([])
    expect(domain.log()).toEqual([])
  })

  it('is imported once: applying the document again changes nothing', () => {
    const document = withHistory({ v1: three })
    applyOne(domain, document, IMPORT)
    const before = domain.dump()

    const again = { action: 'UNCHANGED', importedEntryCount: 0, diff: '', warnings: [] }
    expect(applyOne(domain, document, IMPORT)).toMatchObject(again)
    expect(applyOne(domain, document)).toMatchObject(again)

    expect(domain.dump()).toEqual(before)
  })

  it('ends at the first image that this server observes', async () => {
    push('c')
    const { importId } = applyOne(
      domain,
      withHistory({ v1: three }, { tags: [tagOf('v1', `${UPSTREAM}:v1`)] }),
      IMPORT,
    )
    expect(reported('v1')[0]?.untilAt).toBeNull()
    await domain.finished(importId ?? 0)

    expect(domain.digests('v1')).toEqual([digestOf('c')])
    expect(reported('v1').map(({ untilAt }) => untilAt)).toEqual([
      domain.time,
      YEAR_START + 3 * HOUR,
      YEAR_START + 2 * HOUR,
    ])
  })

  it('is imported the same after the server has observed the tag: entries before its first image', async () => {
    push('c')
    const document = withHistory({ v1: three }, { tags: [tagOf('v1', `${UPSTREAM}:v1`)] })
    await domain.finished(applyOne(domain, document).importId ?? 0)

    expect(applyOne(domain, document, IMPORT)).toMatchObject({ action: 'CONFIGURED', importedEntryCount: 3 })
    expect(reported('v1').map(({ digest }) => digest)).toEqual(['c', 'b', 'a'].map(digestOf))
    expect(applyOne(domain, document, IMPORT)).toMatchObject({ action: 'UNCHANGED', importedEntryCount: 0 })
  })

  it('of a later export adds the later entries, at which the earlier ones end', () => {
    applyOne(domain, withHistory({ v1: three.slice(1) }), IMPORT)
    expect(applyOne(domain, withHistory({ v1: three }), IMPORT)).toMatchObject({ importedEntryCount: 1 })

    expect(reported('v1').map(({ untilAt }) => untilAt)).toEqual([
      null,
      YEAR_START + 3 * HOUR,
      YEAR_START + 2 * HOUR,
    ])
  })

  it('adds nothing to a tag that this server observed itself: its own export, as JSON and as YAML', async () => {
    domain.time += 123
    push(1)
    await domain.create({
      spec: { tags: [fromImage('v1', `${UPSTREAM}:v1`)] },
    })
    for (const seed of [2, 1, 3]) {
      domain.time += 12_345
      push(seed)
      await domain.import({ tag: 'v1' })
    }
    expect(domain.history('v1')).toHaveLength(4)
    const before = domain.dump()

    for (const text of [exported(domain, 'ruby'), exportedYaml(domain, 'ruby')]) {
      for (const options of [{}, IMPORT]) {
        expect(applyOne(domain, text, options)).toMatchObject({
          action: 'UNCHANGED',
          warnings: [],
          importedEntryCount: 0,
          diff: '',
        })
      }
    }
    expect(domain.dump()).toEqual(before)
  })

  it('is not displaced by the moves that a vendor reports, nor displaces them', async () => {
    applyOne(domain, withHistory({ v1: three }), IMPORT)
    push('seen')
    await domain.import({ from: `${UPSTREAM}:v1`, confirm: true, tag: 'v1' })
    const moves = Array.from({ length: KEPT_MOVES + 10 }, (_, at) => ({
      tag: tagName('v1'),
      digest: digestOf('short'),
      from: domain.time + HOUR + at,
      until: domain.time + HOUR + at + 1,
    }))
    domain.db.transact((tx) => domain.reportedMoves.store(tx, domain.stream().id, 'Quay', moves))

    expect(reported('v1')).toHaveLength(KEPT_MOVES + 3)
    expect(
      reported('v1')
        .slice(-3)
        .map(({ digest }) => digest),
    ).toEqual(['c', 'b', 'a'].map(digestOf))
  })

  it('longer than a tag keeps is imported from its newest entry, with the number of those left out', () => {
    const items = Array.from({ length: KEPT_ENTRIES + 20 }, (_, at) => entry(at % 3, YEAR_START - at * 1000))
    const document = withHistory({ v1: items })
    const leftOut =
      'status.tags[0].items: 20 entries of history are left out: a tag keeps the newest 1,000 of documents'

    expect(applyOne(domain, document).warnings).toEqual([
      'status.tags[0].items: 1020 entries of history are ignored: importHistory: true imports the newest 1,000',
    ])
    expect(applyOne(domain, document, IMPORT)).toMatchObject({
      importedEntryCount: 1000,
      warnings: [leftOut],
    })
    expect(reported('v1').at(-1)?.fromAt).toBe(YEAR_START - (KEPT_ENTRIES - 1) * 1000)
    const before = domain.dump()
    for (const options of [{}, IMPORT]) {
      expect(applyOne(domain, document, options)).toMatchObject({ action: 'UNCHANGED', warnings: [leftOut] })
    }
    expect(domain.dump()).toEqual(before)

    const newer = withHistory({ v1: [entry('new', YEAR_START + HOUR)] })
    expect(applyOne(domain, newer, IMPORT)).toMatchObject({
      importedEntryCount: 1,
      warnings: [leftOut.replace('20 entries of history are', '1 entry of history is')],
    })
    expect(reported('v1')).toHaveLength(KEPT_ENTRIES)
  })

  it('is reported by a dry run with the same warnings and number, and not written', () => {
    const document = withHistory({ v1: three, v2: [{}] })
    const before = domain.dump()
    const rehearsed = applyOne(domain, document, { ...IMPORT, dryRun: true })
    expect(domain.dump()).toEqual(before)

    expect(rehearsed).toMatchObject({ importedEntryCount: 3 })
    expect(rehearsed.warnings).toHaveLength(1)
    expect(applyOne(domain, document, IMPORT)).toEqual(rehearsed)
  })

  it('stays with its tag when the tag is removed, and is restored with it', () => {
    const document = withHistory({ v1: three, v2: three })
    applyOne(domain, document, IMPORT)
    const before = reported('v1')
    const [ruby, v1] = [
      { namespace: 'default', name: 'ruby' },
      { namespace: 'default', imageStream: 'ruby', tag: 'v1' },
    ]

    domain.tagRemoval.remove(SYSTEM, v1)
    expect(reported('v1')).toEqual([])
    expect(applyOne(domain, document, IMPORT)).toMatchObject({ action: 'UNCHANGED', importedEntryCount: 0 })
    expect(domain.tagNames()).toEqual(['v2'])
    domain.time += 1
    const { uid } = domain.stream()
    domain.streamRemoval.delete(SYSTEM, ruby)
    domain.streamRemoval.restore(SYSTEM, { uid })
    expect(domain.tagNames()).toEqual(['v2'])

    domain.tagRemoval.restore(SYSTEM, v1)
    expect(reported('v1')).toEqual(before)
    expect(domain.tag('v1')).toMatchObject({ image: null })
    expect(domain.log()).toEqual([])
    const entries = domain.changeLog.readEntries({ after: 0, before: 100, limit: 100 })
    expect(entries.filter(({ tag }) => tag !== null).map((entry) => [kindOf(entry), entry.tag])).toEqual([
      ['TAG_REMOVED', 'v1'],
      ['TAG_REMOVED', 'v2'],
      ['TAG_RESTORED', 'v2'],
      ['TAG_RESTORED', 'v1'],
    ])
  })

  it.each(['that was not imported', 'whose import fails'])(
    'stays with a tag %s when its source is removed',
    async (which) => {
      const reference = which === 'that was not imported'
      const spec = { tags: [{ ...tagOf('v1', `${UPSTREAM}:none`), reference }] }
      const { importId } = applyOne(domain, withHistory({ v1: three }, spec), IMPORT)
      if (importId) await domain.finished(importId)
      const before = reported('v1')
      expect(before).toHaveLength(3)

      domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', removeTags: ['v1'] })

      expect(reported('v1')).toEqual(before)
    },
  )
})

describe.each(['nodejs', 'ruby', 'jenkins'])('an OpenShift export of %s', (name) => {
  it('is imported with the history of each tag', () => {
    const text = openshiftExport(name)
    const { warnings } = applyOne(domain, text)
    expect(new Set(warnings.map((warning) => warning.replace(/\d+/, 'N')))).toEqual(
      new Set(['status.tags[N].items: 1 entry of history is ignored: importHistory: true imports it']),
    )

    expect(applyOne(domain, text, IMPORT)).toMatchObject({
      action: 'CONFIGURED',
      importedEntryCount: warnings.length,
      warnings: [],
    })
    expect(applyOne(domain, text, IMPORT)).toMatchObject({ action: 'UNCHANGED', importedEntryCount: 0 })
    const stream = domain.streams.byName(SYSTEM, 'openshift', name)
    const tags = domain.tags.ofStreams([stream?.id ?? 0], { order: 'NAME', page: ALL })
    expect(tags).toHaveLength(warnings.length)
    for (const tag of tags) {
      expect(domain.reportedMoves.ofTags([tag.id], ALL)).toMatchObject([
        { fromAt: Date.UTC(2024, 7, 27, 6, 41, 9), untilAt: null },
      ])
    }
  })
})

describe('an invalid part of a status', () => {
  const warningsOf = (status: unknown, options: object = IMPORT): readonly string[] =>
    applyOne(domain, { ...imageStream(), status } as object, options).warnings

  it('is a warning with its path, and never an error', () => {
    const invalid = 'the entry is ignored: must be a digest: sha256: and 64 hexadecimal digits'
    const noTime = 'the entry is ignored: must be a time such as 2024-05-01T12:30:00Z'
    for (const [status, warnings] of [
      ['broken', ['status: is ignored: must be an object, and is a string']],
      [[], ['status: is ignored: must be an object, and is a list']],
      [{ tags: {} }, ['status.tags: is ignored: must be a list, and is an object']],
      [{ tags: [1] }, ['status.tags[0]: is ignored: must be an object, and is the number 1']],
      [{ phase: 1, tags: [] }, ['status.phase: unknown field, not stored']],
      [
        { tags: [{ tag: 'a', items: 'b' }] },
        ['status.tags[0].items: is ignored: must be a list, and is a string'],
      ],
      [{ tags: [{ tag: 'a', items: null, more: 1 }] }, ['status.tags[0].more: unknown field, not stored']],
      [
        { tags: [{ items: [entry(1, YEAR_START)] }] },
        ['status.tags[0].tag: the history is ignored: must be a string, and is nothing'],
      ],
      [
        { tags: [{ tag: 'a b', items: [entry(1, YEAR_START)] }] },
        [
          'status.tags[0].tag: the history is ignored: "a b" does not match [A-Za-z0-9_][A-Za-z0-9._-]{0,127}',
        ],
      ],
      [
        { tags: [{ tag: 'a', items: [{ created: isoOf(YEAR_START), image: `${digestOf(1)}0` }] }] },
        [`status.tags[0].items[0].image: ${invalid}`],
      ],
      [
        { tags: [{ tag: 'a', items: [null, entry(1, YEAR_START, { image: '' })] }] },
        [
          'status.tags[0].items[0]: the entry is ignored: must be an object, and is nothing',
          `status.tags[0].items[1].image: ${invalid}`,
        ],
      ],
      [
        {
          tags: [
            { tag: 'a', items: [null, '1', 'yesterday'].map((created) => entry(1, YEAR_START, { created })) },
          ],
        },
        [0, 1, 2].map((at) => `status.tags[0].items[${at}].created: ${noTime}`),
      ],
      [
        { tags: [{ tag: 'a', items: [entry(1, domain.time + HOUR)] }] },
        ['status.tags[0].items[0].created: the entry is ignored: is in the future'],
      ],
    ] as const) {
      expect(warningsOf(status)).toEqual(warnings)
      expect(warningsOf(status, {})).toEqual(warnings)
    }
    expect(domain.dump()).toMatchObject({ tags: [], reported_moves: [] })
  })

  it('is refused with its path where it has a control character, as everywhere in a document', () => {
    const status = { tags: [{ tag: 'v1', items: [entry(1, YEAR_START, { image: `${digestOf(1)}\u0000` })] }] }
    expect(refusal(domain, { ...imageStream(), status }).message).toContain(
      'status.tags[0].items[0].image: has the control character U+0000',
    )
  })

  it('does not affect the valid parts: entries that are invalid, out of order or there twice', () => {
    const items = [
      entry('c', YEAR_START + 2 * HOUR),
      entry('broken', YEAR_START + HOUR, { image: 'sha256:abc' }),
      entry('a', YEAR_START),
      entry('d', YEAR_START + 3 * HOUR),
      entry('a', YEAR_START),
    ]

    expect(
      warningsOf({
        tags: [
          { tag: 'v1', items },
          { tag: 'v1', items },
        ],
      }),
    ).toEqual([
      expect.stringContaining('status.tags[0].items[1].image: the entry is ignored'),
      'status.tags[0].items[3].created: is newer than the entry before it: the entries are put in the order of their times',
      'status.tags[0].items[4]: the entry is ignored: is the same entry as items[2]',
      'status.tags[1].tag: the history is ignored: "v1" appears twice',
    ])
    expect(reported('v1').map(({ digest, fromAt, untilAt }) => [digest, fromAt, untilAt])).toEqual([
      [digestOf('d'), YEAR_START + 3 * HOUR, null],
      [digestOf('c'), YEAR_START + 2 * HOUR, YEAR_START + 3 * HOUR],
      // the entry whose image is invalid ends it
      [digestOf('a'), YEAR_START, YEAR_START + HOUR],
    ])
  })

  it('is a warning up to a few of each tag, also among 10,000 entries', () => {
    const items = Array.from({ length: 10_000 }, () => ({}))
    expect(warningsOf({ tags: [{ tag: 'v1', items }] })).toEqual([
      ...[0, 1, 2].map((at) => expect.stringContaining(`status.tags[0].items[${at}].created: `)),
      'status.tags[0].items: 9997 more warnings',
    ])
  })

  it('is none of YAML’s times without quotation marks', () => {
    const text = `{apiVersion: v1, kind: ImageStream, metadata: {name: ruby}, status: {tags: [{tag: v1, items: [
      {created: 2025-01-01T00:00:00Z, image: "${digestOf('a')}"}]}]}}`
    expect(applyOne(domain, text, IMPORT)).toMatchObject({ importedEntryCount: 1, warnings: [] })
    expect(reported('v1')).toMatchObject([{ fromAt: YEAR_START }])
  })

  it('is none of the fields that this server computes itself', () => {
    expect(
      warningsOf({
        dockerImageRepository: 'cluster/ruby',
        publicDockerImageRepository: 'public/ruby',
        tags: [{ tag: 'v1', items: null, conditions: [{ type: 'ImportSuccess', status: 'False' }] }],
      }),
    ).toEqual([])
  })
})

it('the status of an ImageStreamImport is ignored with a warning', () => {
  const importOf = (status: object) => ({
    ...imageStream({
      images: [{ from: { kind: 'DockerImage', name: `${UPSTREAM}:v1` }, to: { name: 'v1' } }],
    }),
    kind: 'ImageStreamImport',
    status,
  })
  expect(applyOne(domain, importOf({}), { dryRun: true }).warnings).toEqual([])
  expect(applyOne(domain, importOf({ images: [] }), { dryRun: true }).warnings).toEqual([
    'status: is ignored: the result of another import',
  ])
})

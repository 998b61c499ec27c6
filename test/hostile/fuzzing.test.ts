import fc from 'fast-check'
import {
  type GraphQLInputType,
  getNamedType,
  getVariableValues,
  isInputObjectType,
  isInputType,
  isIntrospectionType,
  Kind,
  type VariableDefinitionNode,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { maskError } from '../../src/graphql/kit/errors.ts'
import { createSchema } from '../../src/graphql/schema.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { checkConfig, InvalidManifestError, parseManifest } from '../../src/oci/manifest.ts'
import { formatReference, InvalidReferenceError, parseReference } from '../../src/oci/reference.ts'
import { repositoryNameOf } from '../../src/oci/repository-name.ts'
import { parseContentRange, parseRange } from '../../src/registry/protocol/headers.ts'
import { parseManifestReference } from '../../src/registry/protocol/reference.ts'
import { parseRoute } from '../../src/registry/protocol/router.ts'
import { nextLink } from '../../src/remote/content/listing-pages.ts'
import { parseChallenges, requirementOf } from '../../src/remote/login/challenge.ts'

/** Runs of each property; all have the same seed, unless TEST_SEED is set. */
const RUNS = { numRuns: 10_000 }

/** Texts that consist of pieces of a grammar, in any order, and of any other characters. */
const textOf = (...pieces: string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { arbitrary: fc.constantFrom(...pieces), weight: 5 },
        { arbitrary: fc.string({ unit: 'binary', maxLength: 4 }), weight: 1 },
        { arbitrary: fc.stringMatching(/^[a-z0-9]{1,6}$/), weight: 2 },
      ),
      { maxLength: 24 },
    )
    .map((parts) => parts.join(''))

/** Returns the result, or undefined for the only error that is allowed. */
function orRefused<Result>(run: () => Result, refusal: new (...args: never[]) => Error): Result | undefined {
  try {
    return run()
  } catch (error) {
    expect(error).toBeInstanceOf(refusal)
    return undefined
  }
}

describe('10,000 texts', () => {
  const digest = digestOf('x')

  test('as references are refused, or are written as they are read', () => {
    const text = textOf(
      '/',
      ':',
      '@',
      '.',
      '-',
      '_',
      '__',
      'docker.io',
      'localhost:5000',
      '[::1]',
      `@${digest}`,
      ':latest',
      '%2f',
      '..',
      'ü',
    )
    fc.assert(
      fc.property(text, (reference) => {
        const read = orRefused(() => parseReference(reference), InvalidReferenceError)
        if (read) expect(parseReference(formatReference(read))).toEqual(read)
      }),
      RUNS,
    )
  })

  test('as paths of the registry are unknown, or have a valid name or none', () => {
    const text = textOf(
      '/v2/',
      '/',
      'blobs',
      '/blobs/uploads/',
      '/manifests/',
      '/tags/list',
      '/referrers/',
      '..',
      '%2e',
      '%2f',
      '%00',
      '%',
      '_catalog',
      digest,
    )
    fc.assert(
      fc.property(text, (path) => {
        const route = parseRoute(`/v2/${path}`)
        const name = route && repositoryNameOf(route.name)
        if (name) expect(`/${name.namespace}/${name.name}/`).not.toMatch(/\/\.*\/|\0|%/)
        parseManifestReference(path)
      }),
      RUNS,
    )
  })

  test('as challenges are read without an error', () => {
    const text = textOf(
      'Bearer ',
      'Basic ',
      'realm=',
      'service="',
      'scope=',
      '"',
      '\\',
      ',',
      ' ',
      '=',
      '"https://auth.example/token"',
      '\t',
      ';',
    )
    fc.assert(
      fc.property(text, (header) => {
        const requirement = requirementOf(parseChallenges(header))
        if (requirement?.scheme === 'bearer') expect(URL.canParse(String(requirement.realm))).toBe(true)
      }),
      RUNS,
    )
  })

  test('as Link headers lead to a URL, or are refused', () => {
    const text = textOf(
      '<',
      '>',
      '; rel=',
      '"next"',
      'next',
      ';',
      ',',
      ' ',
      '=',
      '"',
      '\\',
      '/v2/a/tags/list?n=2',
      'http://10.0.0.1/',
      "rel*=UTF-8''",
    )
    const page = new URL('https://registry.example/v2/a/tags/list')
    fc.assert(
      fc.property(text, (link) => {
        const next = orRefused(() => nextLink({ link }, page), Error)
        if (next) expect(next).toBeInstanceOf(URL)
      }),
      RUNS,
    )
  })

  test('as ranges are ignored, or lie in the content', () => {
    const text = textOf('bytes', '=', '-', ',', ' ', '/', '*', '0', '9', '1e9', '99999999999999999999', '-1')
    fc.assert(
      fc.property(text, fc.nat(100), (header, size) => {
        const range = parseRange(`bytes=${header}`, size)
        if (range) expect(0 <= range.start && range.start < range.end && range.end <= size).toBe(true)
        const part = parseContentRange(header)
        if (part)
          expect(0 <= part.start && part.start < part.end && Number.isSafeInteger(part.end)).toBe(true)
      }),
      RUNS,
    )
  })
})

describe('10,000 values of JSON', () => {
  const digest = digestOf('x')
  const leaf = fc.oneof(
    fc.constantFrom(
      digest,
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.oci.image.index.v1+json',
      '',
      0,
      -1,
      2 ** 53,
      null,
      true,
      '\u0000',
    ),
    fc.string(),
  )
  const descriptor = fc.record(
    {
      mediaType: leaf,
      digest: fc.constantFrom(digest, 'sha256:../x', ''),
      size: leaf,
      platform: leaf,
      annotations: leaf,
      urls: leaf,
    },
    { requiredKeys: [] },
  )
  const manifest = fc.record(
    {
      schemaVersion: fc.constantFrom(1, 2, '2'),
      mediaType: leaf,
      artifactType: leaf,
      config: fc.oneof(descriptor, leaf),
      layers: fc.oneof(fc.array(descriptor, { maxLength: 3 }), leaf),
      manifests: fc.oneof(fc.array(descriptor, { maxLength: 3 }), leaf),
      subject: fc.oneof(descriptor, leaf),
      annotations: fc.oneof(fc.dictionary(fc.string(), leaf, { maxKeys: 3 }), leaf),
      __proto__: leaf,
    },
    { requiredKeys: [] },
  )

  test('as manifests and configs are refused, or have a kind', () => {
    fc.assert(
      fc.property(fc.oneof(manifest, fc.jsonValue()), fc.nat(), (value, cut) => {
        const text = JSON.stringify(value)
        for (const bytes of [Buffer.from(text), Buffer.from(text.slice(0, cut % (text.length + 1)))]) {
          const read = orRefused(() => parseManifest(bytes), InvalidManifestError)
          if (read) expect(['image', 'index']).toContain(read.kind)
          orRefused(() => checkConfig(bytes), InvalidManifestError)
        }
      }),
      RUNS,
    )
  })

  test('as variables of every argument are accepted, or refused with the code INVALID', () => {
    const schema = createSchema()
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
    const types = [
      ...new Set(
        roots
          .flatMap((root) => Object.values(root?.getFields() ?? {}))
          .flatMap(({ args }) => args.map(({ type }) => type)),
      ),
    ]
    const report = { requestId: 'fuzzing', log: { error: () => {} } }
    const inputs = types.filter((type) => isInputType(type) && !isIntrospectionType(getNamedType(type)))
    const name = { kind: Kind.NAME, value: 'v' } as const
    const definitionOf = (type: GraphQLInputType): VariableDefinitionNode => ({
      kind: Kind.VARIABLE_DEFINITION,
      variable: { kind: Kind.VARIABLE, name },
      type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: getNamedType(type).name } },
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...inputs),
        fc.jsonValue({ maxDepth: 2 }),
        fc.nat(2),
        (type, value, how) => {
          const named = getNamedType(type)
          const fields = isInputObjectType(named) ? Object.keys(named.getFields()) : []
          const v = [value, JSON.stringify(value), Object.fromEntries(fields.map((field) => [field, value]))][
            how
          ]
          const { errors = [] } = getVariableValues(schema, [definitionOf(type)], { v }, { maxErrors: 5 })
          for (const error of errors) expect(maskError(error, report).extensions.code).toBe('INVALID')
        },
      ),
      RUNS,
    )
  })
})

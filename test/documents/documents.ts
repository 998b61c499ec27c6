import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { AppliedDocument, AppliedDocuments } from '../../src/documents/apply.ts'
import { documentJson, documentYaml } from '../../src/documents/image-stream-document.ts'
import { InvalidInputError } from '../../src/input/errors.ts'
import type { TestDomain } from '../fixtures/test-domain.ts'

// Documents for the tests: written, applied, exported and compared.

export interface Document {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: { readonly tags?: readonly { readonly name: string }[] } & Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

/** A document as `oc get imagestream -o yaml` prints it: of `nodejs`, `ruby` or `jenkins`. */
export const openshiftExport = (name: string): string =>
  readFileSync(new URL(`../fixtures/openshift/${name}.yaml`, import.meta.url), 'utf8')

/** A document of the stream `ruby` with this spec and metadata. */
export const imageStream = (spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStream',
  metadata: { name: 'ruby', ...metadata },
  spec,
})

/** A spec tag in a document. */
export const tagOf = (name: string, from: string, more: object = {}) => ({
  name,
  from: { kind: 'DockerImage', name: from },
  ...more,
})

export const listOf = (...items: readonly object[]) => ({ apiVersion: 'v1', kind: 'List', items })

/** Applies a text, or an object as JSON, and returns the results. */
export const apply = (...args: Parameters<typeof applyMixed>): readonly AppliedDocument[] =>
  applyMixed(...args).results

/** Applies a text, or an object as JSON. */
export const applyMixed = (
  domain: TestDomain,
  text: string | object,
  { dryRun = false, importHistory = false, namespace = 'default' } = {},
): AppliedDocuments =>
  domain.applyDocuments(SYSTEM, {
    documents: typeof text === 'string' ? text : JSON.stringify(text, null, 2),
    namespace,
    importHistory,
    dryRun,
  })

/** Applies a text of one document. Returns its result. */
export function applyOne(...args: Parameters<typeof apply>): AppliedDocument {
  const [applied, ...more] = apply(...args)
  if (!applied || more.length > 0) throw new Error('not one document')
  return applied
}

/** The message and field that a text is refused with. */
export function refusal(
  domain: TestDomain,
  text: string | object,
): { readonly message: string; readonly field: string } {
  try {
    apply(domain, text)
  } catch (error) {
    if (error instanceof InvalidInputError) return { message: error.message, field: error.field }
    throw error
  }
  throw new Error('it was taken')
}

export function exported(
  domain: TestDomain,
  name: string,
  namespace = 'default',
  write = documentJson,
): string {
  const stream = domain.streams.byName(SYSTEM, namespace, name)
  if (!stream) throw new Error(`there is no stream ${namespace}/${name}`)
  const { streams, streamConditions, tags, images } = domain
  const parts = write(stream, {
    streams,
    streamConditions,
    tags,
    images,
    pullRepository: () => 'registry.here:5000/any',
  })
  return [...parts].join('')
}

export const exportedYaml = (domain: TestDomain, name: string, namespace?: string): string =>
  exported(domain, name, namespace, documentYaml)

const SERVER_SET = ['creationTimestamp', 'generation', 'managedFields', 'resourceVersion', 'selfLink', 'uid']
const CHECK = 'openshift.io/image.dockerRepositoryCheck'

/** A document without the fields that servers set, which two exports of the same stream have in common. */
export function wish(text: string): unknown {
  const { status: _status, ...document } = parse(text, { version: '1.1' }) as Document
  const { annotations, ...metadata } = without(document.metadata, SERVER_SET)
  const notes = without((annotations ?? {}) as object, [CHECK])
  const { tags, ...spec } = document.spec
  return {
    ...document,
    metadata: { ...metadata, ...(Object.keys(notes).length > 0 && { annotations: notes }) },
    spec: {
      ...spec,
      ...(tags && { tags: tags.map((tag) => without(tag, ['generation'])) }),
    },
  }
}

const without = (value: object, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))

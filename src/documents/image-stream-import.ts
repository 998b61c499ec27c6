import type { ImportImageInput } from '../imagestream/commands/import-image-plan.ts'
import { type Fields, isPlainObject } from './fields.ts'
import { IMPORT_MODES, parseReferencePolicy } from './image-stream.ts'
import { type DocumentSubject, parseSubject } from './metadata.ts'
import type { Path } from './source.ts'

/** An OpenShift `ImageStreamImport`. Source: openshift/api image/v1 types.go. */
export interface ImportDocument extends DocumentSubject {
  readonly kind: 'ImageStreamImport'
  /** Whether the fetched images are stored. */
  readonly isStored: boolean
  /** Imports of the document, as inputs of `importImage`. */
  readonly imports: readonly DocumentImport[]
}

/** One image or repository to import. */
export interface DocumentImport {
  readonly input: ImportImageInput
  /** Returns the place of an input's field in the document. */
  readonly pathOf: (field: string) => Path
}

/** Parses an `ImageStreamImport`. Throws InvalidInputError. */
export function parseImport(
  document: Fields,
  { namespace }: { readonly namespace: string | null },
): ImportDocument {
  const { subject } = parseSubject(document, namespace)
  const spec = document.object('spec') ?? document.fail('spec', 'is missing')
  const status = document.any('status')
  if (status !== null && !(isPlainObject(status) && Object.keys(status).length === 0)) {
    document.report.warn(['status'], 'is ignored: the result of another import')
  }
  const isStored = spec.flag('import') ?? false
  const context = { ...subject, isStored }
  const repository = spec.object('repository')
  const imports = [
    ...(repository ? [parseRepository(repository, context)] : []),
    ...spec.objects('images').map((image) => parseImage(image, context)),
  ]
  if (imports.length === 0) spec.report.fail(spec.path, 'has nothing to import: give repository or images')
  refuseSameTag(imports, spec)
  return { ...subject, kind: 'ImageStreamImport', isStored, imports }
}

type ImportContext = DocumentSubject & Pick<ImportDocument, 'isStored'>

function parseRepository(repository: Fields, context: ImportContext): DocumentImport {
  // a request for manifests in the status, which is not returned
  repository.ignore('includeManifest')
  if (parseReferencePolicy(repository) === 'Local') {
    const path = [...repository.path, 'referencePolicy']
    repository.report.warn(path, 'applies to one tag: not stored for a whole repository')
  }
  return parseFrom(repository, context, { all: true })
}

function parseImage(image: Fields, context: ImportContext): DocumentImport {
  image.ignore('includeManifest')
  const to = image.object('to')
  return parseFrom(image, context, {
    all: false,
    tag: to?.required('name'),
    referencePolicy: parseReferencePolicy(image),
  })
}

function parseFrom(
  fields: Fields,
  { namespace, name, isStored }: ImportContext,
  more: Pick<ImportImageInput, 'all' | 'tag' | 'referencePolicy'>,
): DocumentImport {
  const from = fields.object('from') ?? fields.fail('from', 'is missing')
  if (!from.choice('kind', ['DockerImage'])) from.fail('kind', 'is missing: it must be DockerImage')
  const policy = fields.object('importPolicy')
  return {
    input: {
      namespace,
      imageStream: name,
      from: from.required('name'),
      confirm: true,
      replaceSource: !more.all,
      dryRun: !isStored,
      insecure: policy?.flag('insecure') ?? null,
      scheduled: policy?.flag('scheduled') ?? null,
      importMode: policy?.choice('importMode', IMPORT_MODES) ?? null,
      ...more,
    },
    pathOf: (field) => [...fields.path, ...(field === 'tag' ? ['to', 'name'] : ['from', 'name'])],
  }
}

function refuseSameTag(imports: readonly DocumentImport[], spec: Fields): void {
  const seen = new Set<string>()
  for (const { input, pathOf } of imports) {
    if (input.tag == null) continue
    if (seen.has(input.tag)) spec.report.fail(pathOf('tag'), `the tag "${input.tag}" appears twice`)
    seen.add(input.tag)
  }
}

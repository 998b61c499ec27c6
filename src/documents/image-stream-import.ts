import type { ImportImage } from '../imagestream/commands/import-image.ts'
import type { Fields } from './fields.ts'
import { IMPORT_MODES, parseReferencePolicy } from './image-stream.ts'
import { type DocumentSubject, type DocumentVersion, parseSubject, parseVersion } from './metadata.ts'
import type { Path } from './source.ts'

/** An OpenShift `ImageStreamImport`. Source: openshift/api image/v1 types.go. */
export interface ImportDocument extends DocumentSubject, DocumentVersion {
  readonly kind: 'ImageStreamImport'
  /** Whether what is fetched is to be stored. */
  readonly stores: boolean
  /** What to import, each as `importImage` is asked for it. */
  readonly imports: readonly ImportWish[]
}

export interface ImportWish {
  readonly input: ImportImage
  /** Where in the document a field of the input is. */
  readonly pathOf: (field: string) => Path
}

/** Throws InvalidInputError. */
export function parseImport(document: Fields, { namespace }: { readonly namespace: string }): ImportDocument {
  const { metadata, subject } = parseSubject(document, namespace)
  const spec = document.object('spec') ?? document.fail('spec', 'is missing')
  document.ignore('status')
  const stores = spec.flag('import') ?? false
  const asked = { ...subject, stores }
  const repository = spec.object('repository')
  const imports = [
    ...(repository ? [parseRepository(repository, asked)] : []),
    ...spec.objects('images').map((image) => parseImage(image, asked)),
  ]
  if (imports.length === 0) spec.report.fail(spec.path, 'names nothing to import: give repository or images')
  refuseSameTag(imports, spec)
  return { ...subject, ...parseVersion(metadata), kind: 'ImageStreamImport', stores, imports }
}

type Asked = DocumentSubject & { readonly stores: boolean }

function parseRepository(repository: Fields, asked: Asked): ImportWish {
  // the server would tell of it in status
  repository.ignore('includeManifest')
  if (parseReferencePolicy(repository) === 'Local') {
    const path = [...repository.path, 'referencePolicy']
    repository.report.warn(path, 'is of one tag, and not kept for a whole repository')
  }
  return parseWish(repository, asked, { all: true })
}

function parseImage(image: Fields, asked: Asked): ImportWish {
  image.ignore('includeManifest')
  const to = image.object('to')
  return parseWish(image, asked, {
    all: false,
    tag: to?.required('name'),
    referencePolicy: parseReferencePolicy(image),
  })
}

function parseWish(
  fields: Fields,
  { namespace, name, stores }: Asked,
  more: Pick<ImportImage, 'all' | 'tag' | 'referencePolicy'>,
): ImportWish {
  const from = fields.object('from') ?? fields.fail('from', 'is missing')
  if (!from.choice('kind', ['DockerImage'])) from.fail('kind', 'is missing: it must be DockerImage')
  const policy = fields.object('importPolicy')
  return {
    input: {
      namespace,
      imageStream: name,
      from: from.required('name'),
      confirm: true,
      dryRun: !stores,
      insecure: policy?.flag('insecure') ?? null,
      scheduled: policy?.flag('scheduled') ?? null,
      importMode: policy?.choice('importMode', IMPORT_MODES) ?? null,
      ...more,
    },
    pathOf: (field) => [...fields.path, ...(field === 'tag' ? ['to', 'name'] : ['from', 'name'])],
  }
}

function refuseSameTag(imports: readonly ImportWish[], spec: Fields): void {
  const seen = new Set<string>()
  for (const { input, pathOf } of imports) {
    if (input.tag == null) continue
    if (seen.has(input.tag)) spec.report.fail(pathOf('tag'), `the tag "${input.tag}" is there twice`)
    seen.add(input.tag)
  }
}

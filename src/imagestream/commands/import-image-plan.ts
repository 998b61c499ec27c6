import { InvalidInputError } from '../../input/errors.ts'
import { checkReference, checkRepository, checkTagName } from '../../input/names.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import { flag, isImportable, type Spec, type SpecTagContent } from '../spec/spec.ts'
import { withTag } from '../spec/spec-tags.ts'
import { checkSchedulable } from '../spec/tag-source.ts'
import type { ImportRequest } from '../stored-import/import-plan.ts'
import { chainEnd, checkSameSource, isSameReference, whyNotImported } from './chain-end.ts'

/** Input of `importImage`. Null stands for undefined: the field is not set. */
export interface ImportImageInput {
  readonly namespace: string
  readonly imageStream: string
  /** One tag; by default everything that the spec names, or with `from` the tag of that reference. */
  readonly tag?: string | null | undefined
  /** Becomes the source of the tag, or with `all` of the stream. */
  readonly from?: string | null | undefined
  /** Imports a whole repository; without a repository, everything that the spec names. */
  readonly all: boolean
  /** Creates the stream where there is none, and with `all` replaces its repository. */
  readonly confirm: boolean
  /** Replaces another source of the tag. */
  readonly replaceSource?: boolean | null | undefined
  readonly dryRun: boolean
  /** Requests each tag of the stream's repository from the registry, whether or not a vendor's listing changed. */
  readonly fullScan?: boolean | null | undefined
  readonly scheduled?: boolean | null | undefined
  readonly insecure?: boolean | null | undefined
  readonly importMode?: ImportMode | null | undefined
  readonly referencePolicy?: 'Source' | 'Local' | null | undefined
  readonly resourceVersion?: string | null | undefined
}

/** The spec to write, and the part of it to import. */
export interface ImportImagePlan {
  readonly spec: Spec
  readonly request: ImportRequest
}

/** Returns the plan of the input for a stream with this spec. Throws InvalidInputError. */
export function planImportImage(
  spec: Spec,
  input: ImportImageInput,
  importMode: ImportMode,
): ImportImagePlan {
  const plan = planSources(spec, input, importMode)
  if (!input.fullScan) return plan
  if (!plan.request.repository) {
    const why = 'fullScan requires an import of the whole spec.dockerImageRepository: leave it out'
    throw new InvalidInputError('fullScan', why)
  }
  return { ...plan, request: { ...plan.request, fullScan: true } }
}

/** Returns a request for the import of one spec tag. */
export const importOfTag = (tag: TagName): ImportRequest => ({
  repository: false,
  specTags: [tag],
  repositoryTags: [],
})

/** Returns the options of an import that the spec does not store. */
export const importOptions = ({ insecure, importMode }: ImportImageInput) => ({
  ...(insecure != null && { insecure }),
  ...(importMode != null && { importMode }),
})

function planSources(spec: Spec, input: ImportImageInput, importMode: ImportMode): ImportImagePlan {
  const { from, all, tag } = input
  if (all && tag != null)
    throw new InvalidInputError('tag', 'give either one tag, or all: true for every tag')
  if (input.replaceSource && (from == null || all)) {
    const why = 'applies to one tag, with the new source in "from"'
    throw new InvalidInputError('replaceSource', `replaceSource: true ${why}`)
  }
  if (from != null && all) return planRepository(spec, input, checkRepository(from, 'from'))
  if (from != null) return planSource(spec, input, from, importMode)
  return tag == null ? planWholeSpec(spec, input) : planTag(spec, input, checkTagName(tag))
}

/** Plans `from` with `all`: the stream's repository. */
function planRepository(spec: Spec, input: ImportImageInput, dockerImageRepository: string): ImportImagePlan {
  refuse(input, ['referencePolicy'], 'applies to one tag: leave it out with all: true')
  const old = spec.dockerImageRepository
  const isSame = old !== null && isSameReference(old, dockerImageRepository)
  if (old !== null && !isSame && !input.confirm) {
    const why = `the image stream has a different repository "${old}": confirm: true replaces it`
    throw new InvalidInputError('from', why)
  }
  return {
    spec: {
      ...spec,
      dockerImageRepository: isSame ? old : dockerImageRepository,
      ...importPolicyOf(spec, input),
    },
    request: { repository: true, specTags: [], repositoryTags: [] },
  }
}

/** Plans `from` without `all`: the source of one tag. */
function planSource(spec: Spec, input: ImportImageInput, from: string, mode: ImportMode): ImportImagePlan {
  const reference = checkReference(from, 'from')
  if (input.scheduled) checkSchedulable({ kind: 'DockerImage', name: from }, 'scheduled')
  const name = input.tag != null ? checkTagName(input.tag) : (reference.tag ?? ('latest' as TagName))
  const target = input.replaceSource ? undefined : chainEnd(spec, homeOf(input), name, from)
  if (target) checkSameSource(name, target, from)
  const tag = target?.tag ?? name
  const old = spec.tags.get(tag)
  const base = old ?? { annotations: '[]', insecure: flag(false), scheduled: flag(false), importMode: mode }
  const content: SpecTagContent = {
    fromKind: 'DockerImage',
    fromName: target?.content?.fromName ?? from,
    fromNamespace: null,
    policy: null,
    reference: flag(false),
    annotations: base.annotations,
    ...importPolicyOf(base, input),
    // an image by digest never changes
    ...(reference.digest && { scheduled: flag(false) }),
    // a tag keeps its reference policy when its source changes
    referencePolicy: old?.referencePolicy ?? input.referencePolicy ?? 'Source',
  }
  return { spec: withSpecTag(spec, tag, content), request: importOfTag(tag) }
}

/** Plans an input without `tag` and `from`: everything that the spec names. */
function planWholeSpec(spec: Spec, input: ImportImageInput): ImportImagePlan {
  const hasRepository = spec.dockerImageRepository !== null
  if (!hasRepository && ![...spec.tags].some(([, tag]) => isImportable(tag))) {
    throw new InvalidInputError(
      input.all ? 'all' : 'imageStream',
      'the spec names nothing to import: give "from", or set spec.dockerImageRepository or a spec tag whose source is in a registry',
    )
  }
  refuse(input, SPEC_OPTIONS, 'is part of the spec: give it with "from", or use updateImageStream')
  const options = importOptions(input)
  return { spec, request: { repository: hasRepository, specTags: 'all', repositoryTags: [], ...options } }
}

/** Plans a tag without `from`: the source of its spec tag, of the tag that it follows, or else the tag of the repository. */
function planTag(spec: Spec, input: ImportImageInput, name: TagName): ImportImagePlan {
  const target = chainEnd(spec, homeOf(input), name, null)
  const { tag, content: old } = target
  if (old && isImportable(old)) {
    if (input.scheduled && old.fromName)
      checkSchedulable({ kind: 'DockerImage', name: old.fromName }, 'scheduled')
    const content = {
      ...old,
      ...importPolicyOf(old, input),
      ...(input.referencePolicy && { referencePolicy: input.referencePolicy }),
    }
    return { spec: withSpecTag(spec, tag, content), request: importOfTag(tag) }
  }
  if (old || spec.dockerImageRepository === null) {
    throw new InvalidInputError('tag', whyNotImported(name, target))
  }
  refuse(input, SPEC_OPTIONS, `is part of a spec tag, and "${tag}" has none: give "from"`)
  const options = importOptions(input)
  return { spec, request: { repository: false, specTags: [], repositoryTags: [tag], ...options } }
}

/** Options that only a spec tag stores. */
const SPEC_OPTIONS = ['scheduled', 'referencePolicy'] as const

const homeOf = ({ namespace, imageStream }: ImportImageInput): StreamName => ({
  namespace,
  name: imageStream,
})

const withSpecTag = (spec: Spec, name: TagName, content: SpecTagContent): Spec => ({
  ...spec,
  tags: withTag(spec.tags, name, content),
})

const importPolicyOf = (
  old: Pick<Spec, 'insecure' | 'scheduled' | 'importMode'>,
  input: ImportImageInput,
) => ({
  insecure: input.insecure == null ? old.insecure : flag(input.insecure),
  scheduled: input.scheduled == null ? old.scheduled : flag(input.scheduled),
  importMode: input.importMode ?? old.importMode,
})

function refuse(input: ImportImageInput, fields: readonly (keyof ImportImageInput)[], why: string): void {
  for (const field of fields) {
    if (input[field] != null) throw new InvalidInputError(field, `${field} ${why}`)
  }
}

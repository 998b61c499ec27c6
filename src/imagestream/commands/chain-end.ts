import { InvalidInputError } from '../../input/errors.ts'
import { formatReference, parseReference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Spec, SpecTagContent } from '../spec/spec.ts'
import { choosesOfStream } from '../spec/spec-policy.ts'
import { formatStreamTag, streamTagOf } from '../spec/tag-source.ts'

/** The tag that an import of a tag imports, at the end of a chain: the tag itself, or the last one that it follows. */
export interface ChainEnd {
  readonly tag: TagName
  /** Undefined where the spec does not have the tag. */
  readonly content: SpecTagContent | undefined
}

/**
 * Returns the tag that an import of `tag` imports: of a tag that follows others of its stream, the last one. `from` is the
 * reference to import, null for the tag's own source. Throws InvalidInputError where the tag follows a tag of another stream,
 * or itself. Source: FollowTagReference of oc.
 */
export function chainEnd(spec: Spec, home: StreamName, tag: TagName, from: string | null): ChainEnd {
  const refusal = (source: string, remedy: string): InvalidInputError =>
    new InvalidInputError(
      from === null ? 'tag' : 'from',
      `the tag "${tag}" points to ${source}: ${from === null ? remedy : replacedBy(from)}`,
    )
  const passed = new Set<TagName>()
  for (let at = tag; !passed.has(at); ) {
    const content = spec.tags.get(at)
    const followed = content && !content.reference ? streamTagOf(home, content) : undefined
    if (!followed) return { tag: at, content }
    if (followed.namespace !== home.namespace || followed.stream !== home.name) {
      throw refusal(
        `${formatStreamTag(followed)} of another image stream`,
        `import it there, or ${CHANGE_SOURCE}`,
      )
    }
    passed.add(at)
    at = followed.tag
  }
  throw refusal('itself', CHANGE_SOURCE)
}

const CHANGE_SOURCE = 'change the source by tagImage, or give "from" with replaceSource: true'
const replacedBy = (from: string): string =>
  `replaceSource: true, or tagImage, changes the source to "${from}"`

/**
 * Throws InvalidInputError where the import of a tag from a reference would replace another source. A tag without any
 * source may get one. Source: `oc import-image`.
 */
export function checkSameSource(tag: TagName, target: ChainEnd, from: string): void {
  const { content } = target
  if (content && !content.policy && isImage(content, from)) return
  const source = content && describeSource(content)
  const steps = [...(target.tag === tag ? [] : [`the tag "${target.tag}"`]), ...(source ? [source] : [])]
  if (steps.length === 0) return
  throw new InvalidInputError(
    'from',
    `the tag "${tag}" points to ${steps.join(' which points to ')}: ${replacedBy(from)}`,
  )
}

const isImage = ({ fromKind, fromName }: SpecTagContent, from: string): boolean =>
  fromKind === 'DockerImage' && fromName !== null && isSameReference(fromName, from)

/** Compares valid references with all defaults filled in: `ruby` is `docker.io/library/ruby:latest`. */
export const isSameReference = (one: string, other: string): boolean =>
  formatReference(parseReference(one)) === formatReference(parseReference(other))

/** Describes the source of a tag; undefined where it has none. */
function describeSource({ fromKind, fromName, policy }: SpecTagContent): string | undefined {
  if (policy)
    return fromName ? `the choice of a policy over "${fromName}"` : 'the choice of a policy over its stream'
  if (fromKind === null) return undefined
  return fromKind === 'DockerImage' ? `"${fromName}"` : `${fromKind} "${fromName}"`
}

/** Returns why a tag without an importable source is not imported. */
export function whyNotImported(tag: TagName, { tag: target, content }: ChainEnd): string {
  const subject = `the tag "${target}"${target === tag ? '' : `, which "${tag}" points to,`}`
  if (content?.fromName != null) {
    const existing = `${content.reference ? 'a reference to ' : ''}${content.fromKind} "${content.fromName}"`
    return `${subject} points to ${existing}, which is not imported: ${CHANGE_SOURCE}`
  }
  if (content && choosesOfStream(content)) {
    return `a policy chooses the image of ${subject} among the stream's own tags, so there is nothing to import for it: import those tags, or ${CHANGE_SOURCE}`
  }
  return target === tag
    ? `the spec has no source for ${subject}: give the image's reference as "from"`
    : `the spec has no source for the tag "${target}", which "${tag}" points to: import "${target}" with the image's reference as "from", or ${CHANGE_SOURCE}`
}

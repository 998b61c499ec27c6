import type { TagName } from '../../oci/tag.ts'
import type { Spec, SpecTagContent } from '../spec/spec.ts'
import { changedNames } from '../spec/spec-tags.ts'
import type { Tags } from '../tag/tag.ts'

/** A source that a write of a spec stops following. The histories of its tags stay. */
export interface StoppedSource {
  /** Null for the repository of the stream. */
  readonly tag: TagName | null
  /** Text for people: `DockerImage docker.io/library/ruby:3.3`. */
  readonly source: string
  /** Entries in the history of the tag, or of all tags of the stream for its repository. */
  readonly historyEntryCount: number
}

/** Returns a function that compares the specs of a stream before and after a write, the repository first, then by tag. */
export const createStoppedSources =
  (tags: Pick<Tags, 'named' | 'countEvents' | 'countEventsOfStream'>) =>
  (streamId: number, before: Spec, after: Pick<Spec, 'dockerImageRepository' | 'tags'>): StoppedSource[] => {
    const { dockerImageRepository: repository } = before
    const entriesOf = (name: TagName): number => {
      const [tag] = tags.named([streamId], name)
      return tag ? (tags.countEvents([tag.id]).get(tag.id) ?? 0) : 0
    }
    const names = changedNames(before.tags, after.tags)
    const [old, now] = names ? [before.tags, after.tags] : [new Map(before.tags), new Map(after.tags)]
    const ofTags = [...(names ?? old.keys())].flatMap((tag) => {
      const content = old.get(tag)
      const source = content ? sourceText(content) : null
      const next = now.get(tag)
      if (source === null || (next && sourceText(next) === source)) return []
      return [{ tag, source, historyEntryCount: entriesOf(tag) }]
    })
    return [
      ...(repository === null || repository === after.dockerImageRepository
        ? []
        : [{ tag: null, source: repository, historyEntryCount: tags.countEventsOfStream(streamId) }]),
      ...ofTags.sort((one, other) => (one.tag < other.tag ? -1 : 1)),
    ]
  }

/** Returns the source as text; null for a spec tag without a source. */
function sourceText({ fromKind, fromName, fromNamespace, policy }: SpecTagContent): string | null {
  const from = fromKind && `${fromKind} ${fromNamespace === null ? '' : `${fromNamespace}/`}${fromName}`
  if (policy === null) return from
  return `policy ${policy} over ${from ?? 'the tags of the stream'}`
}

import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { TagImageInput } from '../../src/imagestream/commands/tag-image.ts'
import type { ObjectReferenceInput, SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import type { TagEvent } from '../../src/imagestream/tag/tag-event.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { type Image, image } from '../fixtures/random-image.ts'
import { ALL, TestDomain, tagName } from '../fixtures/test-domain.ts'

export const one = image({ seed: 1 })
export const two = image({ seed: 2 })

/** `web:1`, or `team/web:1` in another namespace than `default`. */
export function namesOf(text: string): { namespace: string; name: string; tag: string } {
  const [, namespace = 'default', name = '', tag = ''] = /^(?:([^/]+)\/)?([^:]+):(.+)$/.exec(text) ?? []
  return { namespace, name, tag }
}

/** A spec tag from the tag of a stream. */
export const following = (
  name: string,
  from: string,
  more: Partial<SpecTagInput> & { namespace?: string } = {},
): SpecTagInput => {
  const { namespace, ...rest } = more
  return { name, from: { kind: 'ImageStreamTag', name: from, namespace }, reference: false, ...rest }
}

/** A domain whose tags are written as `stream:tag`, and moved by pushes to the integrated registry. */
export class FollowWorld extends TestDomain {
  /** Pushes to `web:1`, creating the stream where there is none. */
  push(content: Image, at: string): void {
    const { namespace, name, tag } = namesOf(at)
    this.db.transact((tx) =>
      this.receiver.recordPush(tx, SYSTEM, {
        repository: { namespace, name },
        digest: content.digest,
        bytes: content.bytes,
        manifest: parseManifest(content.bytes, content.mediaType),
        config: content.config.bytes,
        tags: [tagName(tag)],
        at: this.time,
      }),
    )
  }

  /** A new stream with these spec tags. */
  createWith(stream: string, tags: readonly SpecTagInput[]): void {
    const { namespace, name } = namesOf(`${stream}:x`)
    this.writer.create(SYSTEM, { namespace, name, spec: { tags } })
  }

  /** Replaces the stream's spec tags. */
  specify(stream: string, tags: readonly SpecTagInput[]): void {
    const { namespace, name } = namesOf(`${stream}:x`)
    this.writer.update(SYSTEM, { namespace, name, spec: { tags } })
  }

  /** Runs `tagImage` for a tag, as a copy by default. */
  retag(at: string, from: string | ObjectReferenceInput, more: Partial<TagImageInput> = {}) {
    const { namespace, name: imageStream, tag } = namesOf(at)
    const source = typeof from === 'string' ? ({ kind: 'ImageStreamTag', name: from } as const) : from
    const no = { alias: false, reference: false, scheduled: false, insecure: false }
    return this.tagging.tagImage(SYSTEM, { namespace, imageStream, tag, from: source, ...no, ...more })
  }

  untag(at: string): void {
    const { namespace, name: imageStream, tag } = namesOf(at)
    this.tagRemoval.remove(SYSTEM, { namespace, imageStream, tag })
  }

  /** A tag's history, newest first. */
  eventsOf(at: string): TagEvent[] {
    const { namespace, name, tag } = namesOf(at)
    const stream = this.streams.byName(SYSTEM, namespace, name)
    const found = stream && this.tags.named([stream.id], tagName(tag))[0]
    return found ? this.tags.events([found.id], ALL) : []
  }

  /** Digests of the images that a tag pointed to, newest first. */
  digestsOf(at: string): string[] {
    const events = this.eventsOf(at)
    const known = this.images.byIds(events.map(({ imageId }) => imageId))
    return events.map(({ imageId }) => known.get(imageId)?.digest ?? 'not stored')
  }

  version(stream: string): number {
    const { namespace, name } = namesOf(`${stream}:x`)
    return this.streams.byName(SYSTEM, namespace, name)?.resourceVersion ?? 0
  }

  /** The change log from an entry on, as `SOURCE stream:tag`. */
  logged(from = 0): string[] {
    return this.log()
      .slice(from)
      .map(({ source, imageStreamName, tag }) => `${source} ${imageStreamName}:${tag}`)
  }
}

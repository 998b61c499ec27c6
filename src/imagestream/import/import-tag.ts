import { storageFailure } from '../../input/storage-failure.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { formatReference, formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import { ruleOf } from '../../policy/rule.ts'
import { type ImportMode, withTagImage } from '../image/fetch-image.ts'
import { kindOfImage } from '../image/image-columns.ts'
import type { ResolvedTag } from '../image/remote-registry.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { TagFailure } from '../stored-import/import-state.ts'
import type { ImportedTag, Tags } from '../tag/tag.ts'
import type { RegistryReader } from '../watch/registry-reader.ts'
import { NoChoiceError, nothingChosen, TagChooser, type TagChooserDependencies } from './choose-tag.ts'
import type { Unusable } from './creation-times.ts'
import type { TagOutcome } from './import-context.ts'
import { isUnanswerable } from './unanswerable.ts'

export interface TagImporterDependencies extends TagChooserDependencies {
  /** Null in a dry run of a stream that does not exist. */
  readonly streamId: number | null
  readonly tags: Tags
  readonly onInternalError: (error: unknown) => void
}

/** A target whose rule chose a tag. */
type ChosenTarget = ImportTarget & { readonly decision: { readonly chosen: TagName } }

/**
 * Tags and artifacts that one rule chooses and cannot use, before its import fails: each costs requests. An artifact costs a
 * HEAD, and a GET the first time.
 */
const MAXIMUM_UNUSABLE = 10
const MAXIMUM_ARTIFACTS = 100

/** A rule that chooses images chose a tag that points to an artifact. */
class ArtifactError extends NoChoiceError {
  constructor(target: ImportTarget, artifactType: string | null) {
    const type = artifactType === null ? '' : ` of type ${artifactType}`
    super('NotFound', `${pullSpecOf(target)} is an artifact${type}, and the policy chooses images`)
  }
}

/** Imports the tags of one import, one by one. */
export class TagImporter {
  readonly #dependencies: TagImporterDependencies
  readonly #chooser: TagChooser

  constructor(dependencies: TagImporterDependencies) {
    this.#dependencies = dependencies
    this.#chooser = new TagChooser(dependencies)
  }

  /** Stores and returns the outcome. Rejects with the signal's reason once it is aborted, or when nothing can be stored. */
  async import(wanted: ImportTarget, signal: AbortSignal): Promise<TagOutcome> {
    signal.throwIfAborted()
    const { outcomes, onInternalError } = this.#dependencies
    const failed = async (target: ImportTarget, failure: TagFailure): Promise<TagOutcome> => ({
      state: 'FAILED',
      ...(await outcomes.failed(target, failure)),
    })
    const failureAt = (target: ImportTarget, error: unknown): TagFailure => {
      signal.throwIfAborted()
      return failureOf(error, { subject: pullSpecOf(target), onInternalError })
    }
    const unusable = new Map<TagName, Unusable>()
    const imagesOnly = 'policy' in wanted.upstream && !ruleOf(wanted.upstream.policy).policy.artifacts
    for (;;) {
      let target = wanted
      try {
        target = await this.#chooser.choose(wanted, unusable)
      } catch (error) {
        return failed(target, failureAt(target, error))
      }
      try {
        return await this.#import(target, imagesOnly)
      } catch (error) {
        const failure = failureAt(target, error)
        const why = unusableBy(error, failure)
        if (isFull(unusable, why) || !this.#mayChooseAnother(target, failure)) return failed(target, failure)
        unusable.set(target.decision.chosen, why)
      }
    }
  }

  /**
   * Reports whether the rule may choose another tag in place of one that failed: where the registry does not have it, and
   * where its image cannot be used. A tag that was imported before is left only when the registry does not have it, or has
   * an artifact in its place.
   */
  #mayChooseAnother(target: ImportTarget, { reason }: TagFailure): target is ChosenTarget {
    const chosen = target.decision?.chosen ?? null
    if (chosen === null) return false
    return (
      reason === 'NotFound' ||
      (reason === 'InvalidManifest' && chosen !== this.#dependencies.held(target.tag))
    )
  }

  async #import(target: ImportTarget, imagesOnly: boolean): Promise<TagOutcome> {
    const { streamId, tags, fetcher, reader, outcomes } = this.#dependencies
    const known = streamId === null ? undefined : tags.imported(streamId, target.tag)
    const resolved = await resolve(target, known?.upstreamDigest ?? null, reader)
    const isSame = known?.upstreamDigest === resolved.digest && known.generation === target.generation
    const isUsable = known && isOfMode(known, target.importMode) && !(imagesOnly && known.kind === 'ARTIFACT')
    if (isUsable && isSame && !known.failing) {
      outcomes.unchanged(target, known.eventId)
      return { state: 'UNCHANGED' }
    }
    const { importMode, platform } = target
    const repository = reader.repository(target)
    const request = { repository, namespace: reader.namespace, resolved, importMode, platform }
    return withTagImage(fetcher, request, async (found) => {
      const { kind, artifactType } = kindOfImage(found.image)
      if (!imagesOnly || kind !== 'ARTIFACT') return outcomes.found(target, found, resolved.digest)
      // the next import does not fetch it again
      await outcomes.fetched(target, found)
      throw new ArtifactError(target, artifactType)
    })
  }
}

const unusableBy = (error: unknown, { reason, message }: TagFailure): Unusable => {
  if (error instanceof ArtifactError) return { reason: 'ARTIFACT', message }
  return { reason: reason === 'NotFound' ? reason : 'InvalidManifest', message }
}

/** Reports whether a rule passed over as many tags as it may before this one. */
function isFull(unusable: ReadonlyMap<TagName, Unusable>, { reason }: Unusable): boolean {
  const artifacts = [...unusable.values()].filter((one) => one.reason === 'ARTIFACT').length
  return reason === 'ARTIFACT'
    ? artifacts >= MAXIMUM_ARTIFACTS
    : unusable.size - artifacts >= MAXIMUM_UNUSABLE
}

/**
 * Returns the failure to report for an error. Internal errors are passed on, and hidden in the message. Throws the error
 * where this server cannot write: then the failure cannot be stored either.
 */
export function failureOf(
  error: unknown,
  { subject, onInternalError }: { readonly subject: string; onInternalError: (error: unknown) => void },
): TagFailure {
  if (error instanceof NoChoiceError) return { reason: error.reason, message: error.message }
  if (error instanceof RegistryError) {
    const { reason, message, status } = error
    return { reason, message, ...(isUnanswerable(status) && { isUnanswerable: true }) }
  }
  if (error instanceof InvalidManifestError) {
    return { reason: 'InvalidManifest', message: `${subject}: invalid manifest: ${error.message}` }
  }
  if (storageFailure(error)) throw error
  onInternalError(error)
  return { reason: 'InternalError', message: `${subject}: internal error: see the server's log` }
}

// the generation does not include an import mode that only one import requests
const isOfMode = ({ digest, mediaType, kind, upstreamDigest }: ImportedTag, mode: ImportMode): boolean =>
  mode === 'Legacy' ? kind === 'ARTIFACT' || !isIndexType(mediaType) : digest === upstreamDigest

async function resolve(
  target: ImportTarget,
  known: ResolvedTag['digest'] | null,
  reader: RegistryReader,
): Promise<ResolvedTag> {
  const { upstream, decision } = target
  if ('digest' in upstream) return { digest: upstream.digest, isUnconfirmed: true }
  if ('tag' in upstream) {
    return reader.resolveTag(target, upstream.tag, { known, keep: decision !== undefined })
  }
  if (!decision) throw new Error(`the rule of the tag ${target.tag} was not applied`)
  throw new NoChoiceError('NotFound', nothingChosen(target, decision))
}

const pullSpecOf = ({ reference, upstream }: ImportTarget): string =>
  'policy' in upstream
    ? formatRepository(reference)
    : formatReference({ ...reference, tag: null, digest: null, ...upstream })

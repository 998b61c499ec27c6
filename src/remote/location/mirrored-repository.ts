import type { Readable } from 'node:stream'
import { formatRepository, type Reference } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { RegistryRepository } from '../content/registry-repository.ts'
import { verified } from '../content/verified-stream.ts'
import type { Distrust } from './failed-mirrors.ts'
import type { RegistryRules, RepositoryLocation } from './registry-rules.ts'

/** What is asked: what tags mean, content by its digest, or what only the origin knows whole. */
type Question = 'TAGS' | 'DIGESTS' | 'WHOLE'

export interface PlacedRepositoryOptions {
  /** As they stand now: asked with each question, so that what is changed goes for the next. */
  readonly rules: () => RegistryRules
  /** The repository of one place, and of no other. */
  readonly open: (place: RepositoryLocation) => RegistryRepository
  readonly distrust: Distrust
  readonly signal: AbortSignal
  readonly warn: (place: RepositoryLocation, message: string) => void
}

/**
 * A repository, wherever rules say that it is. What tags mean is asked of the mirrors that are there for it, and content
 * of those that are there for that, until one has it; the origin is asked last. A list is asked of the origin, which
 * alone knows all of it: a mirror may have no more than what somebody read through it, and is asked only where the
 * origin cannot be.
 */
export function placedRepository(
  reference: Pick<Reference, 'registry' | 'repository'>,
  { rules, open, distrust, signal, warn }: PlacedRepositoryOptions,
): RegistryRepository {
  const opened = new Map<string, RegistryRepository>()
  // a place is the same object until rules change: found without spelling out what it is
  const found = new WeakMap<RepositoryLocation, RegistryRepository>()
  const at = (place: RepositoryLocation): RegistryRepository => {
    let repository = found.get(place)
    if (repository) return repository
    const key = JSON.stringify([place.registry, place.repository, place.insecure, place.route?.id])
    repository = opened.get(key) ?? open(place)
    opened.set(key, repository)
    found.set(place, repository)
    return repository
  }

  const placesFor = (question: Question): readonly RepositoryLocation[] => {
    const plan = rules().planOf(reference.registry, reference.repository)
    if ('blockedBy' in plan) throw blocked(reference, plan.blockedBy)
    // of most there are no mirrors
    if (plan.locations.length === 1) return plan.locations
    const origin = plan.locations.filter(({ isMirror }) => !isMirror)
    const use = question === 'WHOLE' ? 'TAGS' : question
    const mirrors = plan.locations.filter(
      ({ isMirror, serves }) => isMirror && (serves === 'ALL' || serves === use),
    )
    return question === 'WHOLE' ? [...origin, ...mirrors] : [...mirrors, ...origin]
  }

  /** Notes that a place did not give it; throws where that is the last word. */
  const note = (question: Question, refusals: Refusal[], place: RepositoryLocation, error: unknown): void => {
    if (!(error instanceof RegistryError) || signal.aborted) throw error
    refusals.push({ place, error })
    if (place.isMirror && error.reason === 'InvalidManifest') warn(place, error.message)
    if (question === 'WHOLE' && !CANNOT_BE_ASKED.has(error.reason)) throw inAll(reference, refusals)
  }

  const ask = async <Answer>(
    question: Question,
    put: (repository: RegistryRepository, place: RepositoryLocation) => Promise<Answer>,
    isWorthAsking: (place: RepositoryLocation) => boolean = () => true,
  ): Promise<Answer> => {
    const refusals: Refusal[] = []
    for (const place of placesFor(question).filter(isWorthAsking)) {
      try {
        if (place.problem) throw unusable(place, place.problem)
        return await put(at(place), place)
      } catch (error) {
        note(question, refusals, place, error)
      }
    }
    throw inAll(reference, refusals)
  }

  return {
    async *listTags(from) {
      const refusals: Refusal[] = []
      for (const place of placesFor('WHOLE')) {
        let begun = false
        try {
          if (place.problem) throw unusable(place, place.problem)
          for await (const page of at(place).listTags(from)) {
            begun = true
            yield page
          }
          return
        } catch (error) {
          // a list goes on where it began, and where it was begun before
          if (begun || from !== undefined) throw error
          note('WHOLE', refusals, place, error)
        }
      }
      throw inAll(reference, refusals)
    },
    resolveTag: (tag, known) => ask('TAGS', (repository) => repository.resolveTag(tag, known)),
    fetchManifest: (digest) => ask('DIGESTS', (repository) => repository.fetchManifest(digest)),
    fetchConfig: (descriptor) => ask('DIGESTS', (repository) => repository.fetchConfig(descriptor)),
    fetchBlob: (descriptor) =>
      ask(
        'DIGESTS',
        async (repository, place): Promise<Readable> => {
          const blob = await repository.fetchBlob(descriptor)
          const { digest } = descriptor
          if (!place.isMirror) return blob
          // whoever reads it may have passed it on when it turns out to be wrong: the next try is not to meet it again
          return verified(blob, digest, {
            error: () =>
              new RegistryError(`${formatRepository(place)} sent other bytes than ${digest}`, {
                reason: 'InvalidManifest',
                ...place,
              }),
            onFailure: () => signal.aborted || distrust.add(place, digest),
          })
        },
        (place) => !distrust.has(place, descriptor.digest),
      ),
    // a signature that a mirror has is one; that it has none says nothing
    listReferrers: (subject, artifactType) =>
      ask('WHOLE', async (repository, { isMirror }) => {
        const listing = await repository.listReferrers(subject, artifactType)
        return isMirror ? { ...listing, isComplete: false } : listing
      }),
    digestOfTag: (tag) =>
      ask('WHOLE', async (repository, place) => {
        const digest = await repository.digestOfTag(tag)
        if (digest === null && place.isMirror) throw notThere(place, tag)
        return digest
      }),
    fetchAttachment: (descriptor, maxBytes) =>
      ask('DIGESTS', (repository) => repository.fetchAttachment(descriptor, maxBytes)),
  }
}

/** Reasons that say nothing of what a registry has. */
const CANNOT_BE_ASKED: ReadonlySet<string> = new Set(['RegistryUnavailable', 'TooManyRequests'])

interface Refusal {
  readonly place: RepositoryLocation
  readonly error: RegistryError
}

const blocked = ({ registry, repository }: Pick<Reference, 'registry' | 'repository'>, by: string) =>
  new RegistryError(`${repository === '' ? registry : `${registry}/${repository}`} was not asked: ${by}`, {
    reason: 'Blocked',
    registry,
    repository,
  })

const notThere = ({ registry, repository }: RepositoryLocation, tag: string) =>
  new RegistryError(`${registry} does not have the tag "${tag}" of ${repository}`, {
    reason: 'NotFound',
    registry,
    repository,
  })

/** A place that cannot be asked as it was configured. */
const unusable = ({ registry, repository }: RepositoryLocation, why: string) =>
  new RegistryError(`${registry}/${repository} was not asked: ${why}`, {
    reason: 'InternalError',
    registry,
    repository,
  })

/** What the origin said, and who else was asked. */
function inAll(
  reference: Pick<Reference, 'registry' | 'repository'>,
  refusals: readonly Refusal[],
): RegistryError {
  const origin = refusals.find(({ place }) => !place.isMirror)
  if (!origin) throw new Error('a plan without an origin')
  const { place, error } = origin
  const mirrors = refusals.filter((one) => one !== origin)
  const notes = [
    ...(place.isNamed ? [] : [`${formatRepository(reference)} is read from ${formatRepository(place)}`]),
    ...(mirrors.length === 0
      ? []
      : [`its mirrors did not give it either: ${mirrors.map(nameOf).join(', ')}`]),
  ]
  if (notes.length === 0) return error
  const { reason, registry, repository, status, cause } = error
  return new RegistryError(`${error.message} (${notes.join('; ')})`, {
    ...{ reason, registry, cause },
    ...(repository !== undefined && { repository }),
    ...(status !== undefined && { status }),
  })
}

const nameOf = ({ place, error }: Refusal): string => `${formatRepository(place)} (${error.reason})`

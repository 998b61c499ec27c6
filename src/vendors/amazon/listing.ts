import { ecrEndpoint } from '../../logins/cloud-registry.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import type { Desk } from '../listing/desk.ts'
import { OddShapeError } from '../listing/errors.ts'
import { type Json, objectOf, objectsOf, parseJson } from '../listing/json.ts'
import type { ToldPage, Vendor } from '../listing/vendor.ts'
import { signedHeaders } from './signature.ts'

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.ListImages'
/** The most that it gives. */
const PAGE_SIZE = 1000

/**
 * Amazon's listing of the tagged images of a repository, in no order. It takes access keys alone, which it is shown a
 * signature of. Source: Amazon ECR API, ListImages.
 */
export const ecr: Vendor = {
  title: 'Amazon ECR',
  newestFirst: false,
  serves: (_repository, credential) => credential?.secret.kind === 'aws',
  async *pages(desk) {
    for (let nextToken: string | undefined, isLast = false; !isLast; ) {
      const { imageIds, nextToken: next } = await ask(desk, {
        registryId: /^\d{12}(?=\.)/.exec(desk.registry)?.[0],
        repositoryName: desk.repository,
        filter: { tagStatus: 'TAGGED' },
        maxResults: PAGE_SIZE,
        nextToken,
      })
      nextToken = typeof next === 'string' && next !== '' ? next : undefined
      isLast = nextToken === undefined
      yield pageOf(objectsOf(imageIds, 'its list of images'), isLast)
    }
  },
}

function pageOf(images: readonly Json[], isComplete: boolean): ToldPage {
  return {
    tags: images
      // untagged ones are not asked for, and come nevertheless where the filter is not known
      .filter(({ imageTag }) => imageTag !== undefined && imageTag !== null)
      .map(({ imageTag, imageDigest }) => ({ tag: imageTag, digest: imageDigest, changedAt: null })),
    entries: images.length,
    total: null,
    isComplete,
  }
}

async function ask(desk: Desk, request: unknown): Promise<Json> {
  const secret = (await desk.credential())?.secret
  const place = secret?.kind === 'aws' ? ecrEndpoint(desk.registry, secret.region) : undefined
  if (secret?.kind !== 'aws' || !place) throw new OddShapeError('nothing says in which region of AWS it is')
  const body = JSON.stringify(request)
  const url = desk.at(place.endpoint, '/')
  const headers = await signedHeaders(secret, {
    url,
    service: 'ecr',
    region: place.region,
    target: TARGET,
    body,
    now: desk.now(),
  })
  const shown = [secret.secretAccessKey]
  const answer = await desk.dial(url, { method: 'POST', headers, body, shown })
  if (answer.status !== 200) throw await refusalOf(desk, url, answer)
  return objectOf(parseJson(answer), 'its answer')
}

/** What Amazon says by a word in the body, with 400 for each. */
const REASONS: readonly (readonly [RegExp, RegistryErrorReason])[] = [
  [/RepositoryNotFound/, 'NotFound'],
  [/AccessDenied/, 'Forbidden'],
  [/Throttling|TooManyRequests|LimitExceeded/, 'TooManyRequests'],
  [
    /UnrecognizedClient|InvalidSignature|ExpiredToken|InvalidClientTokenId|IncompleteSignature/,
    'Unauthorized',
  ],
]

async function refusalOf(desk: Desk, url: URL, answer: ApiResponse): Promise<RegistryError> {
  const plain = await desk.refusal(url, answer)
  if (answer.status !== 400 && answer.status !== 403) return plain
  const said = Buffer.from(answer.body.subarray(0, 4096)).toString()
  const reason = REASONS.find(([words]) => words.test(said))?.[1] ?? plain.reason
  const { message, registry, status } = plain
  return new RegistryError(message, { reason, registry, ...(status !== undefined && { status }) })
}

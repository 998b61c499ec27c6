import { ecrEndpoint } from '../../logins/cloud-registry.ts'
import type { Json } from '../../oci/json.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from '../listing/errors.ts'
import { objectOf, objectsOf, parseResponse } from '../listing/response.ts'
import type { RawPage, Vendor } from '../listing/vendor.ts'
import type { VendorClient } from '../listing/vendor-client.ts'
import { signedHeaders } from './signature.ts'

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.ListImages'
/** Amazon's maximum. */
const PAGE_SIZE = 1000

/**
 * Amazon's listing of the tagged images of a repository, in no order. It requires an access key, with which requests are
 * signed. Source: Amazon ECR API, ListImages.
 */
export const ecr: Vendor = {
  title: 'Amazon ECR',
  newestFirst: false,
  hasHost: (name) => ecrEndpoint(name, null)?.isPublic === false,
  serves: (_repository, credential) => credential?.secret.kind === 'aws',
  async *pages(client) {
    for (let nextToken: string | undefined; ; ) {
      const { imageIds, nextToken: next } = await listImages(client, {
        registryId: /^\d{12}(?=\.)/.exec(client.registry)?.[0],
        repositoryName: client.repository,
        filter: { tagStatus: 'TAGGED' },
        maxResults: PAGE_SIZE,
        nextToken,
      })
      nextToken = typeof next === 'string' && next !== '' ? next : undefined
      yield pageOf(objectsOf(imageIds, 'its list of images'), nextToken === undefined)
    }
  },
}

function pageOf(images: readonly Json[], isComplete: boolean): RawPage {
  return {
    tags: images
      // compatible registries may ignore the filter and send untagged images
      .filter(({ imageTag }) => imageTag !== undefined && imageTag !== null)
      .map(({ imageTag, imageDigest }) => ({ tag: imageTag, digest: imageDigest, changedAt: null })),
    entries: images.length,
    isComplete,
  }
}

async function listImages(client: VendorClient, parameters: unknown): Promise<Json> {
  const secret = (await client.credential())?.secret
  const endpoint = secret?.kind === 'aws' ? ecrEndpoint(client.registry, secret.region) : undefined
  if (secret?.kind !== 'aws' || !endpoint)
    throw new OddShapeError(
      'the AWS region of the registry is unknown: set aws.region with setRegistryCredential',
    )
  const body = JSON.stringify(parameters)
  const url = client.urlOf('/', endpoint.endpoint)
  const headers = await signedHeaders(secret, {
    url,
    service: 'ecr',
    region: endpoint.region,
    target: TARGET,
    body,
    now: client.now(),
  })
  const secrets = [secret.secretAccessKey]
  const response = await client.request(url, { method: 'POST', headers, body, secrets })
  if (response.status !== 200) throw await errorOf(client, url, response)
  return objectOf(parseResponse(response))
}

/** Amazon's error types, which it sends in the body of responses with status 400. */
const REASONS: readonly (readonly [RegExp, RegistryErrorReason])[] = [
  [/RepositoryNotFound/, 'NotFound'],
  [/AccessDenied/, 'Forbidden'],
  [/Throttling|TooManyRequests|LimitExceeded/, 'TooManyRequests'],
  [
    /UnrecognizedClient|InvalidSignature|ExpiredToken|InvalidClientTokenId|IncompleteSignature/,
    'Unauthorized',
  ],
]

async function errorOf(client: VendorClient, url: URL, response: ApiResponse): Promise<RegistryError> {
  const error = await client.errorOf(url, response)
  if (response.status !== 400 && response.status !== 403) return error
  const text = Buffer.from(response.body.subarray(0, 4096)).toString()
  const reason = REASONS.find(([type]) => type.test(text))?.[1] ?? error.reason
  const { message, registry, status } = error
  return new RegistryError(message, { reason, registry, ...(status !== undefined && { status }) })
}

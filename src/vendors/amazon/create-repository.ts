import { ecrEndpoint } from '../../logins/cloud-registry.ts'
import { CloudLoginError } from '../../remote/login/cloud-token-endpoint.ts'
import type { RepositoryCreator } from '../../remote/login/repository-creator.ts'
import { signedHeaders } from './signature.ts'

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.CreateRepository'

/**
 * Amazon ECR creates no repository by a push. An access key creates it, with the defaults of its account. Source: Amazon ECR
 * API, CreateRepository.
 */
export const ecrRepositories: RepositoryCreator = {
  serves: (registry) => ecrEndpoint(registry, null)?.isPublic === false,
  commandFor: (registry, repository) =>
    `aws ecr create-repository --repository-name ${repository} --region ${ecrEndpoint(registry, null)?.region}`,
  async create(secret, repository, { registry, endpoint }) {
    const place = ecrEndpoint(registry, null)
    if (secret.kind !== 'aws' || !place) return false
    const url = endpoint.urlOf(place.endpoint)
    const body = JSON.stringify({
      registryId: /^\d{12}(?=\.)/.exec(registry)?.[0],
      repositoryName: repository,
    })
    const call = { url, service: 'ecr', region: place.region, target: TARGET, body, now: endpoint.now }
    const headers = await signedHeaders(secret, call)
    const secrets = [secret.secretAccessKey, secret.sessionToken ?? '']
    try {
      await endpoint.post({
        refusal: 'Amazon does not let the access key create it',
        url,
        headers,
        body,
        secrets,
      })
    } catch (error) {
      // another push has created it meanwhile
      if (!(error instanceof CloudLoginError && error.message.includes('RepositoryAlreadyExists')))
        throw error
    }
    return true
  },
}

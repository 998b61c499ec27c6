import { ecrEndpoint } from '../../logins/cloud-registry.ts'
import { CloudLoginError } from '../../remote/login/cloud-token-endpoint.ts'
import type { RepositoryCreator } from '../../remote/login/repository-creator.ts'
import { signedHeaders } from './signature.ts'

const TARGET = 'AmazonEC2ContainerRegistry_V20150921.CreateRepository'

/**
 * Amazon ECR creates no repository by a push. An access key creates it, with the defaults of its account. Source: Amazon ECR
 * API, CreateRepository.
 */
export const ecrRepository: RepositoryCreator = ({ registry, repository, secret, endpoint }) => {
  const key = secret?.kind === 'aws' ? secret : null
  const place = ecrEndpoint(registry, key?.region ?? null)
  if (!place || place.isPublic) return null
  const { region } = place
  const create = async (accessKey: NonNullable<typeof key>): Promise<void> => {
    const url = endpoint.urlOf(place.endpoint)
    const registryId = /^\d{12}(?=\.)/.exec(registry)?.[0]
    const body = JSON.stringify({ registryId, repositoryName: repository })
    const call = { url, service: 'ecr', region, target: TARGET, body, now: endpoint.now }
    const headers = await signedHeaders(accessKey, call)
    const secrets = [accessKey.secretAccessKey, accessKey.sessionToken ?? '']
    const refusal = 'Amazon does not let the access key create it'
    await endpoint.post({ refusal, url, headers, body, secrets }).catch((error: unknown) => {
      // another push has created it meanwhile
      if (!(error instanceof CloudLoginError && error.message.includes('RepositoryAlreadyExists')))
        throw error
    })
  }
  return {
    command: `aws ecr create-repository --region ${region} --repository-name ${repository}`,
    create: key && (() => create(key)),
  }
}

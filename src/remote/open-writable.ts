import { type WritableRepository, writableRepositoryAt } from './content/writable-repository.ts'
import type { RepositoryLocation, RepositoryName } from './location/registry-rules.ts'
import { CloudTokenEndpoint, type CloudTokenEndpointOptions } from './login/cloud-token-endpoint.ts'
import { createRepository, type RepositoryCreator } from './login/repository-creator.ts'
import type { Sessions } from './sessions.ts'
import type { RequestContext } from './traffic/request-context.ts'

/** How a repository is pushed to. */
export interface PushSettings {
  /** Creates a missing repository where the registry does not do it itself, with the credential of the push. */
  readonly createMissing?: boolean
}

interface WritableOptions {
  readonly sessions: Sessions
  /** Returns the origin of a repository and the context for it. */
  readonly originOf: (name: RepositoryName, context: RequestContext) => [RepositoryLocation, RequestContext]
  readonly creators: readonly RepositoryCreator[]
  readonly cloud: CloudTokenEndpointOptions
}

/** Opens a repository to push to, at its origin. */
export function openWritable(
  { sessions, originOf, creators, cloud }: WritableOptions,
  name: RepositoryName,
  callerContext: RequestContext,
  { createMissing = false }: PushSettings,
): WritableRepository {
  const [location, context] = originOf(name, callerContext)
  const { registry, repository } = location
  const scope = `repository:${repository}:pull,push`
  const session = sessions.open(location, context, { scope, isPush: true })
  return writableRepositoryAt(session, {
    openMounting(mounted) {
      const [{ registry: other, repository: from }] = originOf(
        { ...name, repository: mounted },
        callerContext,
      )
      if (other !== registry) return null
      const scopes = `${scope} repository:${from}:pull`
      return { session: sessions.open(location, context, { scope: scopes, isPush: true }), from }
    },
    async create(error) {
      const credential = await session.credential.find()
      const endpoint = new CloudTokenEndpoint(cloud, credential?.id ?? '', context)
      const destination = { registry, repository, endpoint, secret: credential?.secret ?? null }
      await createRepository(creators, destination, { error, isAllowed: createMissing })
    },
  })
}

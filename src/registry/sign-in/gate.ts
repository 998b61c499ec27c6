import type { IncomingMessage } from 'node:http'
import { UnauthenticatedError } from '../../access/right/errors.ts'
import { type Client, isAnonymous, type Viewer } from '../../access/right/viewer.ts'
import type { TokenAccess } from '../../access/signed-token/signed-tokens.ts'
import { OciError } from '../../oci/oci-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { type SignInChallenge, unauthorized } from './challenge.ts'
import { NO_SIGN_IN, type RegistrySignIn } from './dependencies.ts'
import { bearerIn, isJsonWebToken } from './presented.ts'
import { CATALOG, includesAction, limitedTo, type RepositoryAction } from './scope.ts'

/** What a request does to a repository. */
export interface RepositoryUse {
  readonly action: RepositoryAction
  readonly repository: StreamName
  /** Name of the repository, as the client wrote it. */
  readonly name: string
  /** Name of the repository that a blob is mounted from; null for none. */
  readonly from: string | null
}

/** Where a request comes from, and the count of the requests of its sender, which throws RateLimitedError. */
export interface CountedClient extends Client {
  readonly admit: (viewer: Viewer) => void
}

/** The sender of a request, before it is checked what the request does. */
interface Caller {
  readonly viewer: Viewer
  /** Access to which its token is limited; null for a credential without limits. */
  readonly access: readonly TokenAccess[] | null
}

const SIGN_IN = 'sign in with "docker login", or send an access token as the password'

/**
 * Creates the check of each request. It depends on names alone and comes before any lookup, so that a refusal reveals nothing about
 * the content. A client without the token for its request gets a challenge, and a client that lacks the right itself DENIED.
 */
export function createGate(signIn: RegistrySignIn) {
  const { authentication, tokens, subjects, audit } = signIn
  const isOpen = authentication.mode === 'OPEN'

  const callerOf = async ({ headers }: IncomingMessage, client: Client): Promise<Caller> => {
    const { authorization } = headers
    const content = isOpen ? undefined : await contentOf(bearerIn(authorization))
    // no cookies: a registry is no site of a browser
    if (!content) return { viewer: await authentication.viewerOf({ authorization }, client), access: null }
    const viewer = subjects.viewerOf(content.subject, client)
    if (!viewer) throw new UnauthenticatedError('the credential of the token was revoked or has expired')
    return { viewer, access: content.access }
  }

  const contentOf = (bearer: string | undefined) =>
    bearer !== undefined && isJsonWebToken(bearer) ? tokens.verify(bearer) : undefined

  /** Rejects with a challenge for a credential that is not valid. */
  const identify = async (
    request: IncomingMessage,
    { admit, ...client }: CountedClient,
    wanted: readonly TokenAccess[],
  ): Promise<Caller> => {
    try {
      const caller = await callerOf(request, client)
      admit(caller.viewer)
      return caller
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error
      const { message } = error
      throw unauthorized(request, signIn, { message, wanted, error: 'invalid_token' })
    }
  }

  /** Records that the viewer may not push or delete; refused pulls change nothing, and are not recorded. */
  const refuse = (
    viewer: Viewer,
    { action, repository }: Pick<RepositoryUse, 'action' | 'repository'>,
    error: Error,
  ): void => {
    const { namespace } = repository
    if (action !== 'pull')
      audit.refuse(viewer, { action, namespace, target: formatRepositoryName(repository), error })
  }

  return {
    refuse,

    /** Returns the viewer of a request to a repository. Rejects with OciError unless it may do so. */
    async use(request: IncomingMessage, client: CountedClient, use: RepositoryUse): Promise<Viewer> {
      const { action, repository } = use
      const wanted = accessFor(use)
      const challenge = (given: Omit<SignInChallenge, 'wanted'>) =>
        unauthorized(request, signIn, { ...given, wanted })
      const { viewer, access } = await identify(request, client, wanted)
      if (!viewer.rights.may(action, repository)) {
        if (isAnonymous(viewer)) throw challenge({ message: SIGN_IN })
        const error = denied(use)
        refuse(viewer, use, error)
        throw error
      }
      if (access === null) return viewer
      if (!includesAction(access, action, repository)) {
        const message = `the token is not for ${action} in "${formatRepositoryName(repository)}"`
        throw challenge({ message, error: 'insufficient_scope' })
      }
      return { ...viewer, rights: limitedTo(viewer.rights, access, repository) }
    },

    /** Returns the viewer of a request for the list of repositories. Rejects with OciError for a token of another scope. */
    async list(request: IncomingMessage, client: CountedClient): Promise<Viewer> {
      const wanted = [CATALOG]
      const { viewer, access } = await identify(request, client, wanted)
      if (access === null || access.some(({ type, name }) => type === CATALOG.type && name === CATALOG.name))
        return viewer
      const message = 'the token is not for the list of repositories'
      throw unauthorized(request, signIn, { message, wanted, error: 'insufficient_scope' })
    },

    /**
     * Returns the viewer of a request to `/v2/` itself, by which clients find out how to sign in and whether a credential is
     * valid. Only a token, and with sign-in a valid credential, is accepted. Without sign-in, too, because clients send a login only
     * to a server that asks for it: then the response can explain that it is of no use. Rejects with OciError.
     */
    async greet(request: IncomingMessage, client: CountedClient): Promise<Viewer> {
      const { authorization } = request.headers
      const { viewer } = await identify(request, client, [])
      if (bearerIn(authorization) !== undefined || !isAnonymous(viewer)) return viewer
      const message = isOpen ? NO_SIGN_IN : SIGN_IN
      throw unauthorized(request, signIn, { message, wanted: [] })
    },
  }
}

/** Returns the access that a token for the request needs. */
function accessFor({ action, name, from }: RepositoryUse): TokenAccess[] {
  const own = { type: 'repository', name, actions: action === 'push' ? ['pull', 'push'] : [action] }
  return from === null ? [own] : [own, { type: 'repository', name: from, actions: ['pull'] }]
}

function denied({ action, repository }: RepositoryUse): OciError {
  const what = `${action} ${action === 'push' ? 'to' : 'from'} "${formatRepositoryName(repository)}"`
  return new OciError('DENIED', `access denied: you may not ${what}`)
}

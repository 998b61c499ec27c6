import type { AuditLog } from './audit/audit-log.ts'
import type { Authentication, PresentedCredentials } from './authentication.ts'
import type { PrincipalRights } from './grant/principal-rights.ts'
import type { AccessChanges } from './identity/access-changes.ts'
import type { FailedSignIns } from './identity/failed-sign-ins.ts'
import { type SessionCookie, secretInCookies } from './identity/session-cookie.ts'
import { passwordIn } from './presented-password.ts'
import { UnauthenticatedError } from './right/errors.ts'
import { anonymous, type Client, isAnonymous, type Viewer } from './right/viewer.ts'
import type { BearerForm, ProvenCredential } from './token/credential.ts'
import type { LastUses } from './token/last-uses.ts'

interface SignInDependencies extends PrincipalRights {
  /** Tried in this order. */
  readonly forms: readonly BearerForm[]
  readonly cookie: SessionCookie
  readonly changes: AccessChanges
  readonly uses: Pick<LastUses, 'note'>
  readonly failures: FailedSignIns
  readonly audit: Pick<AuditLog, 'failedSignIn'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What proves a viewer, and the state of the tables for which this is known. */
interface Proof {
  readonly credential: ProvenCredential
  generation: number
  isRefused?: boolean
}

/** Message for a credential that is unknown, revoked or expired: the same for all, so that it reveals nothing. */
const NOT_VALID = 'the credential is not valid: it is unknown, was revoked or has expired'

/** Creates the authentication of a server with sign-in. */
export function createSignInAuthentication(dependencies: SignInDependencies): Authentication {
  const { forms, cookie, rightsOf, changes, uses, failures, audit, now } = dependencies
  const proven = new WeakMap<Viewer, Proof>()

  const isCurrent = ({ expiresAt }: ProvenCredential): boolean => expiresAt === null || expiresAt > now()

  const viewerWith = (credential: ProvenCredential, { address, requestId }: Client): Viewer => {
    const { principal: id, name } = credential
    const viewer: Viewer = { id, name, rights: rightsOf(id), address, requestId }
    proven.set(viewer, { credential, generation: changes.generation() })
    return viewer
  }

  /** Reads the credential again only after a change: thousands of connections are renewed each second. */
  const isValid = (proof: Proof): boolean => {
    if (!isCurrent(proof.credential)) return false
    if (proof.generation === changes.generation()) return !proof.isRefused
    proof.generation = changes.generation()
    proof.isRefused ||= !proof.credential.isValid()
    return !proof.isRefused
  }

  const refuse = (client: Client, error: UnauthenticatedError): UnauthenticatedError => {
    audit.failedSignIn(client, error)
    return error
  }

  async function find(token: string): Promise<ProvenCredential | undefined> {
    for (const form of forms) {
      const credential = await form(token)
      if (credential) return credential
    }
    return undefined
  }

  async function authenticate(token: string, client: Client): Promise<Viewer> {
    failures.check(client, token)
    try {
      const credential = await find(token)
      if (!credential || !isCurrent(credential)) throw new UnauthenticatedError(NOT_VALID)
      failures.succeeded(token)
      const { used } = credential
      if (used) uses.note(used.kind, used.id, client.address)
      return viewerWith(credential, client)
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error
      failures.failed(client, token)
      throw refuse(client, error)
    }
  }

  return {
    mode: 'SIGN_IN',

    usesCookie: ({ authorization, cookie: cookies }) =>
      authorization === undefined && secretInCookies(cookie, cookies) !== undefined,

    viewerOf({ authorization, cookie: cookies }: PresentedCredentials, client: Client) {
      const token = authorization === undefined ? secretInCookies(cookie, cookies) : tokenIn(authorization)
      if (token !== undefined) return authenticate(token, client)
      if (authorization === undefined) return anonymous(rightsOf('anonymous'), client)
      throw refuse(
        client,
        new UnauthenticatedError(
          'the credential has an unknown form: send "Authorization: Bearer ist_…", or an access token as the password of Basic',
        ),
      )
    },

    renew(viewer: Viewer) {
      const proof = proven.get(viewer)
      if (proof ? !isValid(proof) : !isAnonymous(viewer)) return undefined
      const rights = rightsOf(viewer.id)
      if (rights.key === viewer.rights.key) return viewer
      const renewed = { ...viewer, rights }
      if (proof) proven.set(renewed, proof)
      return renewed
    },

    onChange: changes.onChange,
  }
}

/** Returns the token of a bearer, or the password of Basic, whose user name is ignored; undefined for another form. */
function tokenIn(authorization: string): string | undefined {
  const [, bearer] = /^bearer +(\S+)$/i.exec(authorization) ?? []
  return bearer ?? passwordIn(authorization)
}

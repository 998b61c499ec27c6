import type { AuditLog } from '../../access/audit/audit-log.ts'
import type { Authentication } from '../../access/authentication.ts'
import type { Federation } from '../../access/federation/federation.ts'
import type { SignedTokens } from '../../access/signed-token/signed-tokens.ts'
import type { TokenSubjects } from '../../access/token-subjects.ts'
import type { ServerNames } from './challenge.ts'

/** How clients of the registry sign in. */
export interface RegistrySignIn extends ServerNames {
  readonly authentication: Pick<Authentication, 'mode' | 'viewerOf'>
  readonly tokens: SignedTokens
  readonly subjects: Pick<TokenSubjects, 'referenceOf' | 'viewerOf'>
  readonly federation: Pick<Federation, 'admit'>
  readonly audit: Pick<AuditLog, 'refuse'>
}

/** Explains that a credential is of no use here. */
export const NO_SIGN_IN =
  'this server has no sign-in configured: every client may use it without "docker login". Log out, or start the server with --sign-in'

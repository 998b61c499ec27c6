import { passwordIn } from '../../src/access/presented-password.ts'
import { UnauthenticatedError } from '../../src/access/right/errors.ts'
import type { Rights } from '../../src/access/right/rights.ts'
import { createSignedTokens } from '../../src/access/signed-token/signed-tokens.ts'
import { openSigningKey } from '../../src/access/signed-token/signing-key.ts'
import type { Database } from '../../src/db/open.ts'
import type { RegistrySignIn } from '../../src/registry/sign-in/dependencies.ts'
import { bearerIn } from '../../src/registry/sign-in/presented.ts'
import { createSealer } from '../../src/secrets/sealer.ts'
import { parseSealingKeys } from '../../src/secrets/sealing-key.ts'

interface TestSignInOptions {
  readonly db: Database
  readonly rightsOf: (principal: string) => Rights
  /** Returns the principal of a request without a credential. */
  readonly withoutCredential?: (() => string) | undefined
  readonly now: () => number
}

/** A sealer whose key is the same after a restart. */
const testSealer = () => createSealer(parseSealingKeys(Buffer.alloc(32, 7).toString('base64'), 'a test'))

/**
 * Sign-in where the name of a principal is its secret, and a client without one is `anybody`. Names that begin with `revoked`
 * are no longer accepted.
 */
export function testSignIn({
  db,
  rightsOf,
  withoutCredential = () => 'anybody',
  now,
}: TestSignInOptions): RegistrySignIn {
  const service = () => 'registry.test'
  const viewerOf = (id: string, client: { address: string | null; requestId: string | null }) => ({
    id,
    name: id,
    rights: rightsOf(id),
    ...client,
  })
  return {
    service,
    audit: { refuse: () => {} },
    publicUrl: null,
    authentication: {
      mode: 'SIGN_IN',
      viewerOf({ authorization }, client) {
        const id = bearerIn(authorization) ?? passwordIn(authorization ?? '') ?? withoutCredential()
        if (id.startsWith('revoked')) throw new UnauthenticatedError('the credential is not valid')
        return viewerOf(id, client)
      },
    },
    tokens: createSignedTokens({ key: openSigningKey({ db, sealer: testSealer(), now }), service, now }),
    subjects: {
      referenceOf: (secret) => `reference of ${secret}`,
      viewerOf: ({ principal, credential }, client) =>
        credential?.startsWith('reference of revoked') ? undefined : viewerOf(principal, client),
    },
    federation: { admit: () => Promise.reject(new UnauthenticatedError('no rule accepts the token')) },
  }
}

import type { AccessControl } from '../access/access.ts'
import { createSignedTokens } from '../access/signed-token/signed-tokens.ts'
import { openSigningKey } from '../access/signed-token/signing-key.ts'
import { signedTokenForm } from '../access/token-subjects.ts'
import type { RegistrySignIn } from '../registry/sign-in/dependencies.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { SharedParts } from './parts.ts'
import { registryHostOf } from './registry.ts'

interface RegistrySignInParts extends SharedParts {
  readonly access: Pick<AccessControl, 'authentication' | 'subjects' | 'accept'>
  readonly sealer: Sealer
  readonly federation: RegistrySignIn['federation']
}

/** Opens the key of signed tokens, and joins the identities and the sign-in of the registry. */
export function openRegistrySignIn(parts: RegistrySignInParts): RegistrySignIn {
  const { config, access, audit, federation, now } = parts
  const { authentication, subjects } = access
  const service = registryHostOf(parts)
  const tokens = createSignedTokens({ key: openSigningKey(parts), service, now })
  access.accept(signedTokenForm(tokens, subjects))
  return {
    service,
    publicUrl: config.publicUrl,
    authentication,
    tokens,
    subjects,
    federation,
    audit,
  }
}

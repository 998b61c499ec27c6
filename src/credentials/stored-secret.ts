import type { Database } from '../db/open.ts'
import { registryCredentials as table } from '../db/tables/registry-config.ts'
import { formatPrefix, type Secret } from '../logins/registry-login.ts'
import { parseServiceAccountKey } from '../logins/service-account-key.ts'
import type { Vault } from '../secrets/rotate-keys.ts'
import type { SealedSecret } from '../secrets/sealer.ts'

export type CredentialRow = typeof table.$inferSelect

/** Describes the sealed secrets of the credentials of namespaces. */
export const credentialVault = ({ orm }: Database): Vault => ({
  noun: 'registry credential',
  table,
  secrets: (where) => orm.select().from(table).where(where).orderBy(table.id).all().map(sealedSecretOf),
})

/** Returns the sealed secret of a row, with its name for messages. */
export const sealedSecretOf = (row: CredentialRow): SealedSecret => ({
  id: row.id,
  name: `the credential of ${row.namespace} for ${formatPrefix(row)}`,
  sealed: { keyId: row.keyId, bytes: row.sealed },
  boundTo: boundTo(row),
})

/** Returns the strings that a secret is sealed with: it opens in no other row, and under no other kind or username. */
export const boundTo = (
  row: Pick<CredentialRow, 'namespace' | 'registry' | 'path' | 'kind' | 'username'>,
): string[] => ['registry credential', row.namespace, row.registry, row.path, row.kind, row.username]

/** A secret in the form of its row. */
interface StoredSecret extends Pick<CredentialRow, 'kind' | 'username'> {
  /** The part that is sealed. */
  readonly text: string
}

/** Splits a secret into its public columns and the text to seal; several secret fields become one JSON text. */
export function storedOf(secret: Secret): StoredSecret {
  switch (secret.kind) {
    case 'password':
      return { kind: 'PASSWORD', username: secret.username, text: secret.password }
    case 'identity':
      return { kind: 'IDENTITY_TOKEN', username: secret.username, text: secret.token }
    case 'registry':
      return { kind: 'BEARER_TOKEN', username: '', text: secret.token }
    case 'aws': {
      const { kind: _, accessKeyId, ...sealed } = secret
      return { kind: 'AWS_ACCESS_KEY', username: accessKeyId, text: JSON.stringify(sealed) }
    }
    case 'google': {
      const key = parseServiceAccountKey(secret.serviceAccountKey)
      const username = typeof key === 'string' ? '' : key.email
      return { kind: 'GOOGLE_SERVICE_ACCOUNT', username, text: secret.serviceAccountKey }
    }
    case 'azure': {
      const { kind: _, clientId, ...sealed } = secret
      return { kind: 'AZURE_SERVICE_PRINCIPAL', username: clientId, text: JSON.stringify(sealed) }
    }
  }
}

/** Returns the secret that `storedOf` split. */
export function secretOfStored({ kind, username, text }: StoredSecret): Secret {
  switch (kind) {
    case 'PASSWORD':
      return { kind: 'password', username, password: text }
    case 'IDENTITY_TOKEN':
      return { kind: 'identity', username, token: text }
    case 'BEARER_TOKEN':
      return { kind: 'registry', token: text }
    case 'AWS_ACCESS_KEY':
      return { kind: 'aws', accessKeyId: username, ...JSON.parse(text) }
    case 'GOOGLE_SERVICE_ACCOUNT':
      return { kind: 'google', serviceAccountKey: text }
    case 'AZURE_SERVICE_PRINCIPAL':
      return { kind: 'azure', clientId: username, ...JSON.parse(text) }
  }
}

import type { SQL } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { registryCredentials } from '../db/tables/registry-config.ts'
import { formatPrefix } from '../logins/registry-login.ts'
import type { SealedSecret, Vault } from '../secrets/vault.ts'

export type CredentialRow = typeof registryCredentials.$inferSelect

/** The sealed secrets of the credentials of namespaces. */
export const credentialVault = ({ orm }: Database): Vault => ({
  noun: 'registry credential',
  table: registryCredentials,
  secrets: (where: SQL) =>
    orm
      .select()
      .from(registryCredentials)
      .where(where)
      .orderBy(registryCredentials.id)
      .all()
      .map(sealedSecretOf),
})

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

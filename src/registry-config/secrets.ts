import { and, eq, getTableColumns, type SQL } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { registryConfigurations, registrySecrets as table } from '../db/tables/registry-config.ts'
import { formatPrefix } from '../logins/registry-login.ts'
import type { Vault } from '../secrets/rotate-keys.ts'
import type { SealedSecret } from '../secrets/sealer.ts'
import { openNamed, type Sealer } from '../secrets/sealer.ts'

type SecretRow = typeof table.$inferSelect
type SecretKind = SecretRow['kind']

/** The columns of a configuration that its secrets are bound to. */
type SecretOwner = Pick<
  typeof registryConfigurations.$inferSelect,
  'id' | 'registry' | 'path' | 'clientCertificate' | 'proxyUrl' | 'proxyUsername'
>

/**
 * Returns the strings that a secret is sealed with. A key opens only with its certificate and a password only with its
 * proxy, both only in their configuration: write access to the database cannot redirect them to another host.
 */
const boundTo = (owner: SecretOwner, kind: SecretKind): string[] =>
  kind === 'CLIENT_KEY'
    ? ['registry client key', owner.registry, owner.path, owner.clientCertificate ?? '']
    : ['registry proxy password', owner.registry, owner.path, owner.proxyUrl ?? '', owner.proxyUsername ?? '']

const sealedSecretOf = (owner: SecretOwner, { id, kind, keyId, sealed }: SecretRow): SealedSecret => ({
  id,
  name: `the ${kind === 'CLIENT_KEY' ? 'client key' : 'proxy password'} of the configuration of ${formatPrefix(owner)}`,
  sealed: { keyId, bytes: sealed },
  boundTo: boundTo(owner, kind),
})

/** Describes the sealed secrets of registry configurations. */
export const registrySecretVault = ({ orm }: Database): Vault => ({
  noun: 'registry secret',
  table,
  secrets: (where: SQL) =>
    orm
      .select({ secret: getTableColumns(table), owner: getTableColumns(registryConfigurations) })
      .from(table)
      .innerJoin(registryConfigurations, eq(registryConfigurations.id, table.configurationId))
      .where(where)
      .orderBy(table.id)
      .all()
      .map(({ secret, owner }) => sealedSecretOf(owner, secret)),
})

/** The secrets of one database's configurations. */
export class RegistrySecrets {
  readonly #orm: Database['orm']
  readonly #sealer: Sealer

  constructor({ orm }: Database, sealer: Sealer) {
    this.#orm = orm
    this.#sealer = sealer
  }

  /** Replaces the secret of this kind; null deletes it. */
  set(owner: SecretOwner, kind: SecretKind, secret: string | null): void {
    this.#orm.delete(table).where(ofOwner(owner, kind)).run()
    if (secret === null) return
    const { keyId, bytes } = this.#sealer.seal(secret, boundTo(owner, kind))
    this.#orm.insert(table).values({ configurationId: owner.id, kind, keyId, sealed: bytes }).run()
  }

  /** Opens the secret of this kind; null without one. Throws BrokenSealError. */
  open(owner: SecretOwner, kind: SecretKind): string | null {
    const row = this.#orm.select().from(table).where(ofOwner(owner, kind)).get()
    return row ? openNamed(this.#sealer, sealedSecretOf(owner, row)) : null
  }
}

const ofOwner = ({ id }: SecretOwner, kind: SecretKind): SQL | undefined =>
  and(eq(table.configurationId, id), eq(table.kind, kind))

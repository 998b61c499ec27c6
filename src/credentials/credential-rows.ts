import { and, count, desc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { isInNamespaces } from '../db/one-of.ts'
import type { Database } from '../db/open.ts'
import { rowsOfPage } from '../db/page.ts'
import { registryCredentials as table } from '../db/tables/registry-config.ts'
import type { KeysetPage } from '../input/page.ts'
import { pathsAbove, type RegistryPrefix } from '../logins/registry-login.ts'
import type { CredentialRow } from './stored-secret.ts'

/** A credential without its secret, which no client can read back. */
export interface RegistryCredential extends Omit<CredentialRow, 'keyId' | 'sealed'> {}

const { keyId: _, sealed: __, ...PUBLIC_COLUMNS } = getTableColumns(table)

/** Columns that setting a credential writes. */
type CredentialSecret = Pick<CredentialRow, 'kind' | 'username' | 'keyId' | 'sealed' | 'updatedAt'>

const isAt = (namespace: string, { registry, path }: RegistryPrefix) =>
  and(eq(table.namespace, namespace), eq(table.registry, registry), eq(table.path, path))

/** The rows of `registry_credentials`. */
export class CredentialRows {
  readonly #orm: Database['orm']
  readonly #longest
  readonly #first

  constructor({ orm }: Database) {
    this.#orm = orm
    const ofRegistry = and(
      eq(table.namespace, sql.placeholder('namespace')),
      eq(table.registry, sql.placeholder('registry')),
    )
    // prepared once: each request to a registry runs them
    this.#longest = orm
      .select()
      .from(table)
      .where(
        and(ofRegistry, sql`${table.path} in (select value from json_each(${sql.placeholder('paths')}))`),
      )
      .orderBy(desc(sql`length(${table.path})`))
      .limit(1)
      .prepare()
    this.#first = orm.select({ id: table.id }).from(table).where(ofRegistry).limit(1).prepare()
  }

  /** Returns a page of the namespaces, or for null of all, by namespace, registry and path, which are its keys. */
  page(namespaces: readonly string[] | null, page: KeysetPage): RegistryCredential[] {
    return rowsOfPage(this.#orm.select(PUBLIC_COLUMNS).from(table).$dynamic(), page, {
      columns: [table.namespace, table.registry, table.path],
      where: isInNamespaces(table.namespace, namespaces),
    })
  }

  /** Returns the credential of exactly this prefix. */
  at(namespace: string, prefix: RegistryPrefix): RegistryCredential | undefined {
    return this.#orm.select(PUBLIC_COLUMNS).from(table).where(isAt(namespace, prefix)).get()
  }

  byId(id: number): RegistryCredential | undefined {
    return this.#orm.select(PUBLIC_COLUMNS).from(table).where(eq(table.id, id)).get()
  }

  /** Returns the sealed credential that is set for exactly this prefix. */
  sealedAt(namespace: string, { registry, path }: RegistryPrefix): CredentialRow | undefined {
    return this.#longest.get({ namespace, registry, paths: JSON.stringify([path]) })
  }

  /** Returns the sealed credential with the longest path that contains the repository. */
  sealedFor(namespace: string, registry: string, repository: string): CredentialRow | undefined {
    return this.#longest.get({ namespace, registry, paths: JSON.stringify([...pathsAbove(repository)]) })
  }

  /** Reports whether the namespace has a credential for the registry or a part of it. */
  hasAny(namespace: string, registry: string): boolean {
    return this.#first.get({ namespace, registry }) !== undefined
  }

  /** Returns the number of credentials of the namespaces, or for null of all. */
  count(namespaces: readonly string[] | null): number {
    const isCounted = isInNamespaces(table.namespace, namespaces)
    return this.#orm.select({ count: count() }).from(table).where(isCounted).get()?.count ?? 0
  }

  /** Sets the secret of a prefix, and returns the credential; an earlier row keeps its id and its time of creation. */
  set(place: RegistryPrefix & { readonly namespace: string }, secret: CredentialSecret): RegistryCredential {
    return this.#orm
      .insert(table)
      .values({ ...place, ...secret, createdAt: secret.updatedAt })
      .onConflictDoUpdate({
        target: [table.namespace, table.registry, table.path],
        set: { ...secret, lastUsedAt: null, unboundBy: null },
      })
      .returning(PUBLIC_COLUMNS)
      .get()
  }

  /** Marks the credentials of the registries and kinds as not to be sent, and returns their number. */
  unbind(isAffected: (registry: string, kind: CredentialRow['kind']) => boolean, by: string): number {
    const { registry, kind } = table
    const affected = this.#orm
      .selectDistinct({ registry, kind })
      .from(table)
      .where(isNull(table.unboundBy))
      .all()
      .filter((one) => isAffected(one.registry, one.kind))
    let total = 0
    for (const one of affected) {
      const isOne = and(eq(registry, one.registry), eq(kind, one.kind), isNull(table.unboundBy))
      total += this.#orm.update(table).set({ unboundBy: by }).where(isOne).run().changes
    }
    return total
  }

  /** Deletes the credential of exactly this prefix, and returns it. */
  delete(namespace: string, prefix: RegistryPrefix): RegistryCredential | undefined {
    return this.#orm.delete(table).where(isAt(namespace, prefix)).returning(PUBLIC_COLUMNS).get()
  }
}

import { and, count, eq } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { registryDefaults, registryConfigurations as table } from '../db/tables/registry-config.ts'
import type { RegistryPrefix } from '../logins/registry-login.ts'
import type { Access, ConfigurationRow, Mirror, RegistryConfiguration } from './configuration.ts'

/** The columns that a change may write. */
type ChangedColumns = Omit<ConfigurationRow, 'id' | 'registry' | 'path' | 'createdAt' | 'updatedAt'>

/** The rows of `registry_configurations` and `registry_defaults`. Times are in milliseconds since 1970. */
export class ConfigurationRows {
  readonly #orm: Database['orm']

  constructor({ orm }: Database) {
    this.#orm = orm
  }

  /** Returns all configurations, by registry and path. */
  all(): ConfigurationRow[] {
    return this.#orm.select().from(table).orderBy(table.registry, table.path).all()
  }

  /** Returns the configuration of exactly this prefix. */
  at({ registry, path }: RegistryPrefix): ConfigurationRow | undefined {
    return this.#orm
      .select()
      .from(table)
      .where(and(eq(table.registry, registry), eq(table.path, path)))
      .get()
  }

  count(): number {
    return this.#orm.select({ count: count() }).from(table).get()?.count ?? 0
  }

  /** Inserts a configuration that sets nothing. */
  insert({ registry, path }: RegistryPrefix, now: number): ConfigurationRow {
    return this.#orm
      .insert(table)
      .values({ registry, path, createdAt: now, updatedAt: now })
      .returning()
      .get()
  }

  /** Writes a change and returns the row. */
  update(id: number, columns: ChangedColumns, now: number): ConfigurationRow {
    return this.#orm
      .update(table)
      .set({ ...columns, updatedAt: now })
      .where(eq(table.id, id))
      .returning()
      .get() as ConfigurationRow
  }

  delete(id: number): void {
    this.#orm.delete(table).where(eq(table.id, id)).run()
  }

  /** Returns the access of registries whose configurations do not set it; undefined when it was never set. */
  defaultAccess(): Access | undefined {
    return this.#orm.select().from(registryDefaults).where(eq(registryDefaults.id, 1)).get()?.access
  }

  setDefaultAccess(access: Access, now: number): void {
    const row = { access, updatedAt: now }
    this.#orm
      .insert(registryDefaults)
      .values({ id: 1, ...row })
      .onConflictDoUpdate({ target: registryDefaults.id, set: row })
      .run()
  }
}

export function configurationOf({
  mirrors,
  insecure,
  proxyUrl,
  proxyUsername,
  ...row
}: ConfigurationRow): RegistryConfiguration {
  return {
    ...row,
    mirrors: mirrors === null ? null : (JSON.parse(mirrors) as Mirror[]),
    insecure: insecure === null ? null : insecure === 1,
    proxy: proxyUrl === null ? null : { url: proxyUrl, username: proxyUsername },
  }
}

/** Returns the columns of a configuration that a change may write. */
export const changedColumnsOf = (configuration: RegistryConfiguration): ChangedColumns => {
  const { access, location, mirrors, insecure, ca, clientCertificate, proxy } = configuration
  const { concurrency, requestsPerSecond, vendor, apiUrl } = configuration
  return {
    ...{ access, location, ca, clientCertificate, concurrency, requestsPerSecond, vendor, apiUrl },
    mirrors: mirrors && JSON.stringify(mirrors),
    insecure: insecure === null ? null : insecure ? 1 : 0,
    proxyUrl: proxy?.url ?? null,
    proxyUsername: proxy?.username ?? null,
  }
}

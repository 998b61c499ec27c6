import { and, count, eq } from 'drizzle-orm'
import type { Database } from '../db/open.ts'
import { registryDefaults, registryConfigurations as table } from '../db/tables/registry-config.ts'
import type { RegistryPrefix } from '../logins/registry-login.ts'
import type { Access, ConfigurationRow, Mirror, RegistryConfiguration } from './configuration.ts'
import { type CheckedInput, ifSet } from './configuration-input.ts'

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
  at(prefix: RegistryPrefix): ConfigurationRow | undefined {
    return this.#orm.select().from(table).where(isOf(prefix)).get()
  }

  count(): number {
    return this.#orm.select({ count: count() }).from(table).get()?.count ?? 0
  }

  /** Creates or changes the configuration of a prefix, and returns it. */
  save({ registry, path }: RegistryPrefix, change: CheckedInput, now: number): ConfigurationRow {
    const columns = { ...columnsOf(change), updatedAt: now }
    return this.#orm
      .insert(table)
      .values({ registry, path, createdAt: now, ...columns })
      .onConflictDoUpdate({ target: [table.registry, table.path], set: columns })
      .returning()
      .get()
  }

  /** Deletes the configuration of exactly this prefix, and returns it. */
  delete(prefix: RegistryPrefix): ConfigurationRow | undefined {
    return this.#orm.delete(table).where(isOf(prefix)).returning().get()
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

const isOf = ({ registry, path }: RegistryPrefix) => and(eq(table.registry, registry), eq(table.path, path))

/** Returns the columns that a change writes; Drizzle leaves out those that are undefined. */
const columnsOf = ({ mirrors, insecure, clientCertificate, proxy, ...columns }: CheckedInput) => ({
  ...columns,
  mirrors: ifSet(mirrors, (list) => JSON.stringify(list)),
  insecure: ifSet(insecure, (isInsecure): 0 | 1 => (isInsecure ? 1 : 0)),
  clientCertificate: ifSet(clientCertificate, ({ certificate }) => certificate),
  proxyUrl: ifSet(proxy, ({ url }) => url),
  proxyUsername: ifSet(proxy, ({ username }) => username),
})

/** Returns the configuration in a row. */
export function configurationOf({
  mirrors,
  insecure,
  proxyUrl,
  proxyUsername,
  ...columns
}: ConfigurationRow): RegistryConfiguration {
  return {
    ...columns,
    mirrors: mirrors === null ? null : (JSON.parse(mirrors) as Mirror[]),
    insecure: insecure === null ? null : insecure === 1,
    proxy: proxyUrl === null ? null : { url: proxyUrl, username: proxyUsername },
  }
}

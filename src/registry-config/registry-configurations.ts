import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { formatPrefix, type RegistryPrefix } from '../logins/registry-login.ts'
import type { Access, RegistryConfiguration } from './configuration.ts'
import { type CheckedInput, type ConfigurationInput, checkInput } from './configuration-input.ts'
import { parsePrefix } from './prefix.ts'
import { CHANGED, COLUMNS, configurationOf, openedOf, type Row, valuesOf } from './rows.ts'
import { createRules, type Rules } from './rules.ts'
import { createSecrets, type Sealer } from './secrets.ts'

export interface ConfigureRegistry extends ConfigurationInput {
  readonly prefix: string
}

/** How other registries are reached, by registry and path; what is changed goes for the next request. */
export interface RegistryConfigurations {
  /** By registry and path. */
  all(): readonly RegistryConfiguration[]
  /** Undefined where there is none for exactly this prefix. Throws InvalidInputError. */
  at(prefix: string): RegistryConfiguration | undefined
  /** What is left out stays as it is. Throws InvalidInputError; then nothing was changed. */
  configure(input: ConfigureRegistry): RegistryConfiguration
  /** What it was. Throws NotFoundError, InvalidInputError. */
  delete(prefix: string): RegistryConfiguration
  /** Whether images may be imported from registries of which no configuration says it. */
  defaultAccess(): Access
  setDefaultAccess(access: Access): void
  /** As it all stands now. */
  rules(): Rules
}

export interface RegistryConfigurationsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Registries that the server was started for: the default access is not for them. */
  readonly own?: readonly string[]
  /** Called after each change, when it goes already. */
  readonly onChanged?: () => void
}

/** They are all held in memory. */
export const MAX_CONFIGURATIONS = 1000

export function createRegistryConfigurations({
  db,
  sealer,
  now,
  own = [],
  onChanged,
}: RegistryConfigurationsDependencies): RegistryConfigurations {
  const secrets = createSecrets(db, sealer)
  const everything = db.prepare<Row>(`select ${COLUMNS} from registry_configurations order by registry, path`)
  const find = db.prepare<Row>(
    `select ${COLUMNS} from registry_configurations where registry = ? and path = ?`,
  )
  const count = db.prepare<{ count: number }>('select count(*) as count from registry_configurations')
  const insert = db.prepare(
    'insert into registry_configurations (registry, path, created_at, updated_at) values (?, ?, ?, ?)',
  )
  const update = db.prepare(
    `update registry_configurations set ${CHANGED.map((column) => `${column} = ?`).join(', ')}, updated_at = ?
     where id = ?`,
  )
  const remove = db.prepare('delete from registry_configurations where id = ?')
  const defaultAccess = db.prepare<{ access: Access }>('select access from registry_defaults where id = 1')
  const setDefault = db.prepare(
    `insert into registry_defaults (id, access, updated_at) values (1, ?, ?)
     on conflict (id) do update set access = excluded.access, updated_at = excluded.updated_at`,
  )

  const load = () => {
    const all = everything.all().map(configurationOf)
    const access = defaultAccess.get()?.access ?? 'ALLOWED'
    const configurations = all.map((configuration) => openedOf(configuration, secrets))
    return { all, access, rules: createRules({ configurations, access, own }) }
  }
  // read again when somebody asks: several may be changed together
  let loaded: ReturnType<typeof load> | undefined = load()
  const current = () => {
    loaded ??= load()
    return loaded
  }

  const placed = ({ registry, path }: RegistryPrefix): RegistryConfiguration | undefined => {
    const row = find.get(registry, path)
    return row && configurationOf(row)
  }

  const changed = (tx: Transaction): void =>
    tx.afterCommit(() => {
      loaded = undefined
      onChanged?.()
    })

  const write = (
    before: RegistryConfiguration,
    { clientCertificate, proxy, ...input }: CheckedInput,
  ): void => {
    const after: RegistryConfiguration = {
      ...before,
      ...definedOf(input),
      ...(clientCertificate !== undefined && { clientCertificate: clientCertificate?.certificate ?? null }),
      ...(proxy !== undefined && { proxy: proxy && { url: proxy.url, username: proxy.username } }),
    }
    update.run(...valuesOf(after), now(), before.id)
    if (clientCertificate !== undefined) secrets.keep(after, 'CLIENT_KEY', clientCertificate?.key ?? null)
    if (proxy !== undefined) secrets.keep(after, 'PROXY_PASSWORD', proxy?.password ?? null)
  }

  return {
    all: () => current().all,
    at: (prefix) => placed(parsePrefix(prefix, 'prefix')),
    defaultAccess: () => current().access,
    rules: () => current().rules,

    configure: ({ prefix, ...input }) =>
      db.transact((tx) => {
        const place = parsePrefix(prefix, 'prefix')
        const checked = checkInput(place, input, now())
        if (!placed(place)) {
          if ((count.get()?.count ?? 0) >= MAX_CONFIGURATIONS) {
            throw new InvalidInputError('prefix', `there are at most ${MAX_CONFIGURATIONS} configurations`)
          }
          insert.run(place.registry, place.path, now(), now())
        }
        write(placed(place) as RegistryConfiguration, checked)
        changed(tx)
        return placed(place) as RegistryConfiguration
      }),

    delete: (prefix) =>
      db.transact((tx) => {
        const place = parsePrefix(prefix, 'prefix')
        const existing = placed(place)
        if (!existing) throw new NotFoundError(`there is no configuration of ${formatPrefix(place)}`)
        remove.run(existing.id)
        changed(tx)
        return existing
      }),

    setDefaultAccess: (access) =>
      db.transact((tx) => {
        setDefault.run(access, now())
        changed(tx)
      }),
  }
}

type Defined<Type> = { [Name in keyof Type]?: Exclude<Type[Name], undefined> }

const definedOf = <Type extends object>(object: Type): Defined<Type> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<Type>

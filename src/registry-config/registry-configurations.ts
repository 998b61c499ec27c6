import type { AuditRecorder } from '../access/audit/audit-log.ts'
import { requireServerAdmin, requireSomewhere, type Viewer } from '../access/right/viewer.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import { formatPrefix } from '../logins/registry-login.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryPlan } from '../remote/location/registry-rules.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { BrokenSealError } from '../secrets/sealer.ts'
import type { Access, ConfigurationRow, OpenedConfiguration, RegistryConfiguration } from './configuration.ts'
import { type ConfigurationInput, checkInput } from './configuration-input.ts'
import { ConfigurationRows, configurationOf } from './configuration-rows.ts'
import { parsePrefix } from './prefix.ts'
import { changedReceivers, configuredReceivers, mayReceive, type ReceiverChange } from './receivers.ts'
import { ConfiguredRules } from './rules.ts'
import { RegistrySecrets } from './secrets.ts'

export interface ConfigureRegistry extends ConfigurationInput {
  readonly prefix: string
}

/** How other registries are reached, by registry and path. A change applies to the next request. */
export type RegistryConfigurations = ReturnType<typeof createRegistryConfigurations>

export interface RegistryConfigurationsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  readonly audit: AuditRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Registries from the settings of the server: the default access does not apply to them. */
  readonly own?: readonly string[]
  /** Stops sending the logins that other servers might receive after the change. Returns their number. */
  readonly unbind: (tx: Transaction, change: ReceiverChange) => number
}

/** A configuration that was changed or deleted. */
export interface ChangedConfiguration {
  readonly registryConfiguration: RegistryConfiguration
  /** Number of credentials that are not sent until they are set again: another server might receive them. */
  readonly unboundCredentialCount: number
}

/** Most configurations: all are held in memory. */
export const MAX_CONFIGURATIONS = 1000

export function createRegistryConfigurations({
  db,
  sealer,
  audit,
  now,
  own = [],
  unbind,
}: RegistryConfigurationsDependencies) {
  const secrets = new RegistrySecrets(db, sealer)
  const rows = new ConfigurationRows(db)

  const load = () => {
    const defaultAccess = rows.defaultAccess() ?? 'ALLOWED'
    const configurations = rows.all().map((row) => openConfiguration(row, secrets))
    const all = configurations.map(({ configuration }) => configuration)
    const receivers = configuredReceivers(all)
    return {
      all,
      defaultAccess,
      receivers,
      rules: new ConfiguredRules({ configurations, defaultAccess, own }),
    }
  }
  // reloaded at the first read after a change: several changes may follow each other
  let loaded: ReturnType<typeof load> | undefined = load()
  const current = () => {
    loaded ??= load()
    return loaded
  }
  const listeners: (() => void)[] = []
  const changed = (tx: Transaction): void =>
    tx.afterCommit(() => {
      loaded = undefined
      for (const listener of listeners) listener()
    })

  /** Returns the configuration after a change, and unbinds credentials. Null before its creation, and after its deletion. */
  const finish = (
    tx: Transaction,
    before: ConfigurationRow | undefined,
    after: ConfigurationRow | undefined,
  ): ChangedConfiguration => {
    changed(tx)
    const [old, current] = [before, after].map((row) => row && configurationOf(row))
    const registryConfiguration = (current ?? old) as RegistryConfiguration
    const hosts = changedReceivers(old, current)
    const change = { prefix: formatPrefix(registryConfiguration), hosts }
    return { registryConfiguration, unboundCredentialCount: hosts.length === 0 ? 0 : unbind(tx, change) }
  }

  /** Records the names of the settings, which may be secrets, and not their values. */
  const recordChange = (
    tx: Transaction,
    viewer: Viewer,
    action: string,
    { registryConfiguration, unboundCredentialCount }: ChangedConfiguration,
    details: object = {},
  ): void => {
    const target = formatPrefix(registryConfiguration)
    audit.record(tx, viewer, {
      action,
      namespace: null,
      target,
      details: { ...details, unboundCredentialCount },
    })
  }

  return {
    /** Returns all configurations, by registry and path. */
    all: (): readonly RegistryConfiguration[] => current().all,

    /** Returns the configuration of a row; undefined once it is deleted. */
    byId: (id: number): RegistryConfiguration | undefined => current().all.find((one) => one.id === id),

    /** Returns the configuration of exactly this prefix; undefined without one. Throws InvalidInputError. */
    at(prefix: string): RegistryConfiguration | undefined {
      const row = rows.at(parsePrefix(prefix, 'prefix'))
      return row && configurationOf(row)
    },

    /** Returns the access of registries whose configurations do not set it. */
    defaultAccess: (): Access => current().defaultAccess,

    /** Returns the rules of all current configurations. */
    rules: (): ConfiguredRules => current().rules,

    /**
     * Returns the locations from which a repository is read. Throws ForbiddenError and UnauthenticatedError unless the viewer may
     * import somewhere: they are those of the whole server.
     */
    planOf(
      viewer: Viewer,
      { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
    ): RepositoryPlan {
      requireSomewhere(viewer, 'import')
      return current().rules.planOf(registry, repository)
    },

    /** Calls the listener after the commit of each change. */
    onChanged: (listener: () => void): void => void listeners.push(listener),

    /**
     * Reports whether logins for the registry could be sent to a server that a configuration reaches in another way than by
     * default.
     */
    redirectsLoginsFor: (registry: string): boolean => mayReceive(current().receivers, registry),

    /**
     * Creates or changes a configuration; fields that are undefined keep their value. Throws ForbiddenError,
     * UnauthenticatedError, InvalidInputError.
     */
    configure: (viewer: Viewer, { prefix, ...input }: ConfigureRegistry): ChangedConfiguration =>
      db.transact((tx) => {
        requireServerAdmin(viewer)
        const place = parsePrefix(prefix, 'prefix')
        const checked = checkInput(place, input, now())
        const before = rows.at(place)
        if (!before && rows.count() >= MAX_CONFIGURATIONS) {
          throw new InvalidInputError('prefix', `there are at most ${MAX_CONFIGURATIONS} configurations`)
        }
        const row = rows.save(place, checked, now())
        const { clientCertificate, proxy } = checked
        if (clientCertificate !== undefined) secrets.set(row, 'CLIENT_KEY', clientCertificate?.key ?? null)
        if (proxy !== undefined) secrets.set(row, 'PROXY_PASSWORD', proxy?.password ?? null)
        const finished = finish(tx, before, row)
        const settings = Object.entries(input).flatMap(([name, value]) => (value === undefined ? [] : name))
        recordChange(tx, viewer, 'configureRegistry', finished, { settings })
        return finished
      }),

    /** Deletes a configuration and returns it. Throws NotFoundError, and the errors of `configure`. */
    delete: (viewer: Viewer, prefix: string): ChangedConfiguration =>
      db.transact((tx) => {
        requireServerAdmin(viewer)
        const place = parsePrefix(prefix, 'prefix')
        const deleted = rows.delete(place)
        if (!deleted) throw new NotFoundError(`there is no configuration of ${formatPrefix(place)}`)
        const finished = finish(tx, deleted, undefined)
        recordChange(tx, viewer, 'deleteRegistryConfiguration', finished)
        return finished
      }),

    /** Sets the access of registries whose configurations do not set it. */
    setDefaultAccess: (viewer: Viewer, access: Access): void =>
      db.transact((tx) => {
        requireServerAdmin(viewer)
        rows.setDefaultAccess(access, now())
        changed(tx)
        const action = 'setRegistryDefaultAccess'
        audit.record(tx, viewer, { action, namespace: null, target: null, details: { access } })
      }),
  }
}

/** Opens the secrets of a configuration, or returns why they cannot be used. */
function openConfiguration(row: ConfigurationRow, secrets: RegistrySecrets): OpenedConfiguration {
  const configuration = configurationOf(row)
  try {
    const clientKey = secrets.open(row, 'CLIENT_KEY')
    const proxyPassword = secrets.open(row, 'PROXY_PASSWORD')
    // deleted because its key was lost
    const isLost =
      (row.clientCertificate !== null && clientKey === null) ||
      (row.proxyUsername !== null && proxyPassword === null)
    const broken = isLost
      ? `a secret of the configuration of ${formatPrefix(configuration)} is lost: set it again`
      : null
    return { configuration, clientKey, proxyPassword, broken }
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    return { configuration, clientKey: null, proxyPassword: null, broken: error.message }
  }
}

import type { registryConfigurations } from '../db/tables/registry-config.ts'
import type { MirrorUse } from '../remote/location/registry-rules.ts'

export type ConfigurationRow = typeof registryConfigurations.$inferSelect

/** Whether images may be imported from a registry. */
export type Access = NonNullable<ConfigurationRow['access']>

/** Another location of the same images. */
export interface Mirror {
  /** Registry and path that replace the prefix: `mirror.example/quay`. */
  readonly location: string
  /** Whether plain HTTP and certificates that do not verify are accepted. */
  readonly insecure: boolean
  readonly serves: MirrorUse
}

/** A proxy without its password. */
export interface ProxySetting {
  readonly url: string
  /** Null for a proxy without a login. */
  readonly username: string | null
}

/**
 * How a registry, or its repositories below a path, are reached, without the secrets. A field that is null is not set: a
 * configuration of a shorter prefix applies.
 */
export interface RegistryConfiguration
  extends Omit<ConfigurationRow, 'mirrors' | 'insecure' | 'proxyUrl' | 'proxyUsername'> {
  /** In the order in which they are tried. */
  readonly mirrors: readonly Mirror[] | null
  readonly insecure: boolean | null
  readonly proxy: ProxySetting | null
}

/** A configuration with its opened secrets. */
export interface OpenedConfiguration {
  readonly configuration: RegistryConfiguration
  readonly clientKey: string | null
  readonly proxyPassword: string | null
  /** Why one of its secrets cannot be used; null when all can. */
  readonly broken: string | null
}

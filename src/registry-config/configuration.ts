import type { MirrorUse } from '../remote/location/registry-rules.ts'
/** Whether images may be imported from a registry. */
export type Access = 'ALLOWED' | 'BLOCKED'

/** Another place that has the same images. */
export interface Mirror {
  /** `mirror.example/quay`: what stands there in the prefix's place. */
  readonly location: string
  /** Whether plain HTTP, or a certificate that does not verify, is good enough there. */
  readonly insecure: boolean
  readonly serves: MirrorUse
}

/** What a registry is, where its host's name does not tell. */
export type Vendor = 'HARBOR' | 'GITLAB' | 'QUAY' | 'JFROG' | 'ZOT' | 'NONE'

/** A proxy, as everybody may see it. */
export interface ProxySetting {
  readonly url: string
  /** Null where it wants no login. */
  readonly username: string | null
}

/** How a registry, or the repositories of one below a path, are reached. What is null is not said here. */
export interface RegistryConfiguration {
  readonly id: number
  /** `host[:port]`, as `canonicalRegistry` spells it. */
  readonly registry: string
  /** Empty for the whole registry. */
  readonly path: string
  readonly access: Access | null
  /** What stands in the prefix's place when it is asked. */
  readonly location: string | null
  /** In the order in which they are asked. */
  readonly mirrors: readonly Mirror[] | null
  readonly insecure: boolean | null
  /** PEM. */
  readonly ca: string | null
  /** PEM, the own one first; its key is not shown. */
  readonly clientCertificate: string | null
  readonly proxy: ProxySetting | null
  /** Requests at a time. */
  readonly concurrency: number | null
  readonly requestsPerSecond: number | null
  readonly vendor: Vendor | null
  /** Where the vendor's own API is. */
  readonly apiUrl: string | null
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** A configuration with what is kept sealed. */
export interface OpenedConfiguration {
  readonly configuration: RegistryConfiguration
  readonly clientKey: string | null
  readonly proxyPassword: string | null
  /** Why a secret of it cannot be used; null where they all can. */
  readonly broken: string | null
}

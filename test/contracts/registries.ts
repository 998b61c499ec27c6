import { Pool } from 'undici'
import { startApp } from '../fixtures/app.ts'
import { available, REGISTRY_CREDENTIALS, startDockerRegistry } from '../fixtures/docker-registry.ts'
import type { Image, Index } from '../fixtures/random-image.ts'
import { password, type TestClientOptions } from '../fixtures/registry-client.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { VendorRegistry } from '../fixtures/vendors/vendor-registry.ts'
import { clientOf } from '../registry/client.ts'
import { VENDORS, type VendorUnderContract } from './vendors.ts'

/** A running registry, and the client options for it. */
export interface RunningRegistry extends AsyncDisposable {
  /** `host:port`, as in references. */
  readonly host: string
  readonly client: TestClientOptions
  /** Pushes the image, or the index with all its images. */
  push(repository: string, tag: string, content: Image | Index): Promise<unknown>
}

export interface RegistryUnderContract {
  readonly name: string
  /** Why it cannot run here; undefined if it can. */
  readonly missing?: string | undefined
  /** Whether the tag list has pages of the requested size; docker-registry 2.8 sends all tags at once. */
  readonly pages: boolean
  /** Whether it accepts pushes over HTTP, and lists the referrers of a pushed manifest; undefined for no pushes. */
  readonly pushes?: { readonly referrers: boolean }
  start(): Promise<RunningRegistry>
}

async function startFixture(): Promise<RunningRegistry> {
  const upstream = await startUpstream({ pushes: { referrers: true } })
  return {
    host: upstream.host,
    client: {},
    push: async (...pushed) => upstream.push(...pushed),
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
}

async function startOurs(): Promise<RunningRegistry> {
  const server = await startApp()
  const pool = new Pool(server.app.url)
  const registry = clientOf(pool)
  return {
    host: new URL(server.app.url).host,
    client: {},
    push: (repository, tag, content) => registry.push(repository, content, tag),
    async [Symbol.asyncDispose]() {
      await pool.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

async function startDistribution(mode: 'open' | 'basic' | 'tls'): Promise<RunningRegistry> {
  const registry = await startDockerRegistry(mode)
  const { username, password: secret } = REGISTRY_CREDENTIALS
  return {
    host: registry.host,
    client: {
      egress: mode === 'tls' ? { ca: [registry.ca] } : {},
      ...(mode === 'basic' && { credentials: password(username, secret) }),
    },
    push: (...pushed) => registry.push(...pushed),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}

async function startVendor({ side, client }: VendorUnderContract): Promise<RunningRegistry> {
  const registry = await VendorRegistry.start(side())
  return {
    host: registry.host,
    client,
    push: async (...pushed) => registry.push(...pushed),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}

/** All registries that must fulfil the contract. */
export const REGISTRIES: readonly RegistryUnderContract[] = [
  { name: 'the upstream of the tests', pages: true, pushes: { referrers: true }, start: startFixture },
  { name: 'the integrated registry', pages: true, pushes: { referrers: true }, start: startOurs },
  ...(['open', 'basic', 'tls'] as const).map((mode) => ({
    name: `docker-registry, ${mode}`,
    missing: available(),
    pages: false,
    pushes: { referrers: false },
    start: () => startDistribution(mode),
  })),
  ...VENDORS.map((vendor) => ({
    name: `a registry as of ${vendor.name}`,
    pages: true,
    start: () => startVendor(vendor),
  })),
]

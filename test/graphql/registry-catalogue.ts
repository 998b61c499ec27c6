import { Pool } from 'undici'
import type { TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { clientOf } from '../registry/client.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const

const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { prefix } } }`
const CONFIGURE = `mutation ($prefix: String!) {
  configureRegistry(input: { prefix: $prefix, insecure: true }) { registryConfiguration { prefix } } }`

/** Adds six of each: credentials in two namespaces, registry configurations, repositories, and unfinished uploads. */
export async function addRegistries({ app, client }: TestApp): Promise<void> {
  const pool = new Pool(app.url, { connections: 1 })
  const registry = clientOf(pool)
  for (const [at, name] of NAMES.entries()) {
    // the same prefixes in both namespaces
    const place = { namespace: at % 2 === 0 ? 'default' : 'other', prefix: `${NAMES[at >> 1]}.example` }
    await client.request(SET, { input: { ...place, username: 'me', password: 'secret' } })
    await client.request(CONFIGURE, { prefix: `${name}.example` })
    await registry.push(`shop/${name}`, image({ seed: name }), 'v1')
    await registry.startUpload(`shop/${name}`)
  }
  await pool.close()
}

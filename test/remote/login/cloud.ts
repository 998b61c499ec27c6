import type { Secret } from '../../../src/logins/registry-login.ts'
import { type Cloud, type CloudEndpoint, startCloud } from '../../fixtures/cloud.ts'
import { amazon } from '../../fixtures/cloud-amazon.ts'
import { image } from '../../fixtures/random-image.ts'
import { always, TestClient, type TestClientOptions, tag } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import type { UpstreamAuthOptions } from '../../fixtures/upstream-auth.ts'

/** Time of a test client's clock, in milliseconds since 1970. */
export const START = Date.UTC(2026, 0, 1)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const app = image({ seed: 'app' })

interface Setup {
  readonly endpoint: CloudEndpoint
  readonly secret: Secret
  readonly auth: UpstreamAuthOptions
}

/** A cloud, one of its registries with `team/app`, and a client with its key. */
export async function start({ endpoint, secret, auth }: Setup, options: TestClientOptions = {}) {
  const cloud = await startCloud(endpoint)
  const upstream = await startUpstream({ auth })
  for (const repository of ['team/app', 'team/other']) upstream.push(repository, '1', app)
  const client = new TestClient({ credentials: always(secret), cloudEndpoint: cloud.endpoint, ...options })
  return {
    cloud,
    upstream,
    client,
    clock: client.clock,
    resolve: (repository = 'team/app', signal?: AbortSignal) =>
      client.repository(`${upstream.host}/${repository}`, signal && { signal }).resolveTag(tag('1'), null),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
      await cloud[Symbol.asyncDispose]()
    },
  }
}

/** An access key with a region, since a registry on loopback has no host name of Amazon. */
export function ecr(options: Partial<Parameters<typeof amazon>[0]> = {}) {
  let now = () => START
  const aws = amazon({ now: () => now(), ...options })
  const sessionToken = options.sessionToken ?? null
  const secret: Secret = { kind: 'aws', ...aws.key, sessionToken, region: 'eu-west-1' }
  const auth: UpstreamAuthOptions = { scheme: 'basic', credentials: aws.login }
  return {
    aws,
    secret,
    setup: { endpoint: aws.endpoint, secret, auth },
    by: (clock: { now(): number }) => {
      now = () => clock.now()
    },
  }
}

/** The requested endpoints, in order. */
export const hostsOf = ({ log }: Cloud): string[] => log.map(({ host }) => host)

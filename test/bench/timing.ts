import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { createSecret } from '../../src/access/identity/secret-text.ts'
import type { GraphQLClient } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { seedOf } from '../fixtures/seed.ts'
import { NAMESPACE, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'

// Whether the time of a response reveals what its content hides: pairs of requests, one about something that exists and is not
// visible, one about something that does not exist. Prints how often the first of a pair took longer: 0.5 reveals nothing.

const PAIRS = 10_000
const WARM_UP = 500
const DIGEST = image({ seed: 'timing' }).digest

interface Request {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** A pair of requests: about something hidden, and about something that does not exist. */
interface Case {
  readonly name: string
  readonly hidden: () => Request
  readonly missing: () => Request
}

const query = (headers: Request['headers'], text: string): Request => ({
  method: 'POST',
  path: '/graphql',
  headers: { ...headers, 'content-type': 'application/json' },
  body: JSON.stringify({ query: text }),
})

function casesOf({ headersOf }: SignedInApp, revoked: string): Case[] {
  const stranger = headersOf('stranger')
  const unknown = createSecret('ACCESS_TOKEN').text
  const bearing = (secret: string) => query({ authorization: `Bearer ${secret}` }, '{ __typename }')
  const streamOf = (namespace: string) => () =>
    query(stranger, `{ imageStream(namespace: "${namespace}", name: "app") { id } }`)
  const manifestOf = (namespace: string) => (): Request => ({
    method: 'GET',
    path: `/v2/${namespace}/app/manifests/${DIGEST}`,
    headers: stranger,
  })
  return [
    {
      name: 'an access token, revoked or unknown',
      hidden: () => bearing(revoked),
      missing: () => bearing(unknown),
    },
    { name: 'an image stream, by name', hidden: streamOf(NAMESPACE), missing: streamOf('none') },
    { name: 'a manifest, by digest', hidden: manifestOf(NAMESPACE), missing: manifestOf('none') },
  ]
}

/** Returns milliseconds. */
async function timeOf(pool: Pool, request: Request): Promise<number> {
  const began = performance.now()
  const { body } = await pool.request(request)
  await body.dump()
  return performance.now() - began
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** Returns numbers from 0 to 1 that are the same in each run. */
function* randomNumbers(state: number): Generator<number, never> {
  for (let at = state; ; at = (at * 48_271) % 0x7fffffff) yield at / 0x7fffffff
}

async function measure(pool: Pool, { name, hidden, missing }: Case): Promise<void> {
  const random = randomNumbers(seedOf(name))
  const times = { hidden: [] as number[], missing: [] as number[] }
  let longer = 0
  for (let pair = -WARM_UP; pair < PAIRS; pair++) {
    const isHiddenFirst = random.next().value < 0.5
    const first = await timeOf(pool, isHiddenFirst ? hidden() : missing())
    const second = await timeOf(pool, isHiddenFirst ? missing() : hidden())
    if (pair < 0) continue
    const [ofHidden, ofMissing] = isHiddenFirst ? [first, second] : [second, first]
    times.hidden.push(ofHidden)
    times.missing.push(ofMissing)
    if (ofHidden > ofMissing) longer++
  }
  const [our, other] = [median(times.hidden), median(times.missing)]
  console.log(
    `  ${name}: ${(our * 1000).toFixed(0)} µs and ${(other * 1000).toFixed(0)} µs = ${(our / other).toFixed(3)}; longer in ${(longer / PAIRS).toFixed(3)} of the pairs`,
  )
}

/** Returns a token that the member created and revoked. */
async function revokedToken(member: GraphQLClient): Promise<string> {
  const { createAccessToken } = await member.request<{
    createAccessToken: { secret: string; accessToken: { id: string } }
  }>(
    `mutation { createAccessToken(input: { name: "revoked", grants: [{ role: VIEWER, place: "${NAMESPACE}/*" }] }) {
       secret accessToken { id } } }`,
  )
  const { secret, accessToken } = createAccessToken
  await member.request('mutation ($token: ID!) { revokeAccessToken(input: { id: $token }) { __typename } }', {
    token: accessToken.id,
  })
  return secret
}

/** Prints a line per case. */
export async function bench(): Promise<void> {
  console.log(`timing: ${PAIRS} pairs of responses, about what is hidden and what does not exist`)
  await using server = await startSignedInApp()
  const member = server.as('member')
  await member.request(
    `mutation { createImageStream(input: { namespace: "${NAMESPACE}", name: "app" }) { __typename } }`,
  )
  const pool = new Pool(server.url, { connections: 1 })
  for (const one of casesOf(server, await revokedToken(member))) await measure(pool, one)
  await pool.close()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { VENDORS } from '../contracts/vendors.ts'
import { image } from '../fixtures/random-image.ts'
import type { TestClientOptions } from '../fixtures/registry-client.ts'
import type { VendorRequest, VendorRequests, VendorSide } from '../fixtures/vendors/vendor-registry.ts'
import { NO_LISTING, WatchedRepository } from '../fixtures/vendors/watched-repository.ts'

// What it costs to look for what moved among many tags at each vendor's registry, in requests, in GETs that count as
// pulls, and in time beside a bare loop that sends the very same requests.

const TAGS = 5000
const REPOSITORY = 'team/app'
const ROUNDS = 7
const CONNECTIONS = 10

interface Subject {
  readonly name: string
  readonly side: () => VendorSide
  readonly client: TestClientOptions
  readonly goal: number
}

const SUBJECTS: readonly Subject[] = [
  ...VENDORS.map(({ name, side, client }) => ({
    name,
    side,
    client,
    goal: name === 'Amazon ECR' ? 6 : 2,
  })),
  { name: 'none', side: () => NO_LISTING, client: {}, goal: 5 + TAGS },
]

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** The side, and every request that it gets. */
function recorded(side: VendorSide): { side: VendorSide; requests: VendorRequest[] } {
  const requests: VendorRequest[] = []
  return {
    requests,
    side: {
      ...side,
      answer(request, place) {
        requests.push(request)
        return side.answer(request, place)
      },
    },
  }
}

/** The same requests again, as fast as undici sends them, and nothing done with the answers. */
async function bareLoop(pool: Pool, requests: readonly VendorRequest[]): Promise<number> {
  const began = performance.now()
  const waiting = [...requests]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { connection: _c, host: _h, 'content-length': _l, 'keep-alive': _k, ...headers } = next.headers
      const answer = await pool.request({
        method: next.method as 'GET',
        path: next.url,
        headers,
        reset: false,
        ...(next.body && { body: next.body }),
      })
      await answer.body.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONNECTIONS, requests.length) }, worker))
  return performance.now() - began
}

/** Requests that found what moved, without those that fetched the new image. */
const asked = ({ manifest: _m, blob: _b, ...requests }: VendorRequests): number =>
  Object.values(requests).reduce((sum, count) => sum + count, 0)

async function benchOne({ name, side, client, goal }: Subject): Promise<void> {
  const record = recorded(side())
  await using watched = await WatchedRepository.start({ side: record.side, client, tags: TAGS })
  const { registry } = watched
  const pool = new Pool(registry.url, { connections: CONNECTIONS, pipelining: 1 })
  const ours: number[] = []
  const bare: number[] = []
  let pulls = 0
  for (let round = -1; round < ROUNDS; round++) {
    record.requests.length = 0
    const { requests, ms } = await watched.poll()
    const sent = [...record.requests]
    const bareMs = await bareLoop(pool, sent)
    if (round < 0) continue
    pulls += requests.manifest
    ours.push(ms)
    bare.push(bareMs)
  }
  registry.push(REPOSITORY, '1.0.7', image({ seed: 'moved' }))
  const { imported, requests } = await watched.poll()
  if (imported.imported !== 1) throw new Error(`${name}: what moved was not found`)
  await pool.close()
  const [a, b] = [median(ours), median(bare)]
  console.log(
    `  ${name}: ${asked(requests)} requests find one moved tag (goal ${goal}), ${pulls} pulls in ${ROUNDS} unchanged polls (goal 0); ` +
      `an unchanged poll takes ${a.toFixed(0)} ms to ${b.toFixed(0)} ms of a bare loop = ${(a / b).toFixed(2)}`,
  )
}

/** Prints requests, pulls and times. */
export async function bench(): Promise<void> {
  console.log(`requests: ${TAGS} tags, median of ${ROUNDS}`)
  for (const subject of SUBJECTS) await benchOne(subject)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

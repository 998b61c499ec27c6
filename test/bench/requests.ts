import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { VENDORS } from '../contracts/vendors.ts'
import { image } from '../fixtures/random-image.ts'
import type { TestClientOptions } from '../fixtures/registry-client.ts'
import type { VendorRequest, VendorRequests, VendorSide } from '../fixtures/vendors/vendor-registry.ts'
import { NO_LISTING, WatchedRepository } from '../fixtures/vendors/watched-repository.ts'

// Requests, GETs that count as pulls, and time to find a moved tag among many at each vendor's registry, compared with a bare
// loop that sends the same requests.

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

/** Returns the side with a recording of its requests. */
function recorded(side: VendorSide): { side: VendorSide; requests: VendorRequest[] } {
  const requests: VendorRequest[] = []
  return {
    requests,
    side: {
      ...side,
      respond(request, place) {
        requests.push(request)
        return side.respond(request, place)
      },
    },
  }
}

/** Sends the same requests as fast as undici can, and discards the responses. */
async function bareLoop(pool: Pool, requests: readonly VendorRequest[]): Promise<number> {
  const began = performance.now()
  const waiting = [...requests]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { connection: _c, host: _h, 'content-length': _l, 'keep-alive': _k, ...headers } = next.headers
      const response = await pool.request({
        method: next.method as 'GET',
        path: next.url,
        headers,
        reset: false,
        ...(next.body && { body: next.body }),
      })
      await response.body.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONNECTIONS, requests.length) }, worker))
  return performance.now() - began
}

/** Counts the requests that found the moved tag, without those that fetched the new image. */
const countRequests = ({ manifest: _m, blob: _b, ...requests }: VendorRequests): number =>
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
  if (imported.imported !== 1) throw new Error(`${name}: the moved tag was not found`)
  await pool.close()
  const [a, b] = [median(ours), median(bare)]
  console.log(
    `  ${name}: ${countRequests(requests)} requests find one moved tag (goal ${goal}), ${pulls} pulls in ${ROUNDS} unchanged polls (goal 0); ` +
      `an unchanged poll takes ${a.toFixed(0)} ms, a bare loop ${b.toFixed(0)} ms, ratio ${(a / b).toFixed(2)}`,
  )
}

/** Prints requests, pulls and times. */
export async function bench(): Promise<void> {
  console.log(`requests: ${TAGS} tags, median of ${ROUNDS}`)
  for (const subject of SUBJECTS) await benchOne(subject)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

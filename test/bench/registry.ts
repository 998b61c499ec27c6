/**
 * The integrated registry, compared with Debian's docker-registry in its default configuration (file system storage,
 * descriptors cached in memory, no sync to disk, unlike this server), and with the limits of the machine. The servers
 * alternate, so that a slower machine affects all. Uses up to 4 GB of the temporary folder.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { available, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { startCompiledServer } from './compiled-server.ts'
import { FIGURE_GROUPS, type Figure, type FigureGroup } from './registry-figures.ts'
import { measureLimits, median } from './registry-limits.ts'
import { measureMemory, measureQueries } from './registry-load.ts'
import { type ClientProcess, startBareServer, startClient } from './registry-processes.ts'
import { MEBIBYTE } from './registry-protocol.ts'

const WARM_UP_ROUNDS = 1
const ROUNDS = 5

type Subject = 'ours' | 'peer' | 'bare'
/** Ports of the running servers. */
type Ports = ReadonlyMap<Subject, number>

/** Returns MiB or requests per second. */
async function rateOf(client: ClientProcess, figure: Figure, port: number): Promise<number> {
  // the writes of one server must not slow down the next one
  if (figure.isHeavy) execFileSync('sync')
  const { count, ms } = await client.run(figure.command(port))
  return ((figure.size === undefined ? count : (count * figure.size) / MEBIBYTE) * 1000) / ms
}

async function measureFigures(
  client: ClientProcess,
  { figures }: FigureGroup,
  ports: Ports,
): Promise<Map<Figure, Map<Subject, number>>> {
  const rates = new Map(figures.map((figure) => [figure, new Map<Subject, number[]>()]))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [figure, bySubject] of rates) {
      for (const [subject, port] of ports) {
        if (subject === 'bare' && !figure.hasBare) continue
        const rate = await rateOf(client, figure, port)
        if (round >= 0) bySubject.set(subject, [...(bySubject.get(subject) ?? []), rate])
      }
    }
  }
  return new Map(
    [...rates].map(([figure, bySubject]) => [
      figure,
      new Map([...bySubject].map(([subject, all]) => [subject, median(all)])),
    ]),
  )
}

function describe({ name, goal, size }: Figure, rates: ReadonlyMap<Subject, number>): string {
  const unit = size === undefined ? '/s' : ' MiB/s'
  const [ours, peer, bare] = (['ours', 'peer', 'bare'] as const).map((subject) => rates.get(subject))
  const text = (rate: number): string => `${rate.toFixed(0)}${unit}`
  return [
    `  ${name}: ${text(ours ?? Number.NaN)}`,
    peer !== undefined &&
      ` to ${text(peer)} of docker-registry = ${((ours ?? 0) / peer).toFixed(2)} (goal ${goal})`,
    bare !== undefined && `; ${text(bare)} of bare node:http`,
  ]
    .filter((part) => part !== false)
    .join('')
}

async function benchGroup(group: FigureGroup, hasPeer: boolean): Promise<void> {
  await using ours = await startCompiledServer()
  await using peer = hasPeer ? await startDockerRegistry('open', AS_DEBIAN) : undefined
  await using bare = await startBareServer()
  await using client = startClient()
  const ports = new Map<Subject, number>([['ours', portOf(ours.url)]])
  if (peer) ports.set('peer', portOf(peer.url))
  ports.set('bare', bare.port)
  for (const port of ports.values()) for (const command of group.preparation(port)) await client.run(command)
  for (const [figure, rates] of await measureFigures(client, group, ports))
    console.log(describe(figure, rates))
}

async function benchFigures(): Promise<void> {
  const missing = available()
  console.log(
    `registry: median of ${ROUNDS} rounds, the servers taking turns; ours syncs to disk, docker-registry does not; ` +
      'blobs are pushed by POST, PATCH with the whole body, PUT',
  )
  if (missing !== undefined) console.log(`  no comparison: ${missing}`)
  for (const group of FIGURE_GROUPS) await benchGroup(group, missing === undefined)
}

const AS_DEBIAN = { blobDescriptorCache: true } as const

const portOf = (url: string): number => Number(new URL(url).port)

async function benchLoad(): Promise<void> {
  const memory = await measureMemory()
  console.log(`  2 GiB pushed and pulled: memory ${(memory / MEBIBYTE).toFixed(0)} MiB over idle (goal 100)`)
  const { idle, busy, pushed } = await measureQueries()
  console.log(
    `  GraphQL query with four pushes running (${pushed.toFixed(0)} MiB/s): median ${busy.median.toFixed(2)} ms (goal 2), ` +
      `p99 ${busy.p99.toFixed(1)} ms (goal 50), longest of ${busy.count} ${busy.longest.toFixed(1)} ms; ` +
      `without them median ${idle.median.toFixed(2)} ms`,
  )
}

function benchLimits(): void {
  const { hash, write, commits } = measureLimits()
  console.log(
    `  limits: sha256 in node:crypto ${hash.toFixed(0)} MiB/s, 64 MiB written and synced ${write.toFixed(0)} MiB/s, ` +
      `4 KiB written and synced ${commits.toFixed(0)}/s`,
  )
}

/** Prints each figure with its goal and its limit. */
export async function bench(): Promise<void> {
  await benchFigures()
  benchLimits()
  await benchLoad()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()

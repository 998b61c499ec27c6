import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskStore } from '../../src/blobs/blob-store.ts'
import type { DatabaseReport } from '../../src/db/check.ts'
import { openDatabase } from '../../src/db/open.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { StorageFinding } from '../../src/scrub/findings.ts'
import { createScrub, type Scrub, type ScrubDependencies } from '../../src/scrub/scrub.ts'

/** A data folder with a scrub that reads as fast as it can. */
export interface World extends AsyncDisposable {
  readonly folder: string
  readonly scrub: Scrub
  /** What the log has: messages with digests. */
  readonly logged: string[]
  readonly damage: string[][]
  now: number
  report: DatabaseReport
  /** Stores a blob of the text. */
  add(text: string): Promise<Digest>
  fileOf(digest: Digest): string
  /** Changes one bit of the file. */
  flip(digest: Digest): Promise<void>
  /** What is known about the findings. */
  findings(): Pick<StorageFinding, 'digest' | 'problem' | 'ending'>[]
  remove(digest: Digest): void
  quarantined(): Promise<number>
}

export async function openWorld(changes: Partial<ScrubDependencies> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'imagestreams-scrub-'))
  const db = openDatabase(':memory:')
  const logged: string[] = []
  const damage: string[][] = []
  const world = { now: 1_000_000, report: { damage: [], dangling: [], content: [] } as DatabaseReport }
  const now = (): number => world.now
  const store = await createDiskStore({ folder, now, minimumFreeBytes: 0 })
  const write = (fields: object, message: string): void =>
    void logged.push(`${message.split(':')[0]} ${'digest' in fields ? fields.digest : ''}`.trim())
  const scrub = createScrub({
    db,
    blobs: store,
    bytesPerSecond: null,
    checkDatabase: async () => world.report,
    onDamage: (found) => damage.push([...found]),
    holdersOf: () => ['shop/web:v1'],
    refetch: async () => undefined,
    sleep: async () => {},
    now,
    log: { info: write, warn: write, error: write },
    ...changes,
  })
  const fileOf = (digest: Digest): string => {
    const hex = digest.slice('sha256:'.length)
    return join(folder, 'blobs', 'sha256', hex.slice(0, 2), hex)
  }
  return Object.assign(world, {
    folder,
    scrub,
    logged,
    damage,
    fileOf,
    async add(text: string): Promise<Digest> {
      const digest = digestOf(text)
      const upload = await store.createUpload('shop/web', 'sha256')
      await upload.append([Buffer.from(text)], { maxSize: 1e9 })
      await upload.commit(digest, async (size) => {
        db.prepare('insert or ignore into blobs (digest, size, stored_at) values (?, ?, 1)').run(digest, size)
      })
      return digest
    },
    async flip(digest: Digest): Promise<void> {
      const bytes = await readFile(fileOf(digest))
      bytes[0] = (bytes[0] ?? 0) ^ 1
      await writeFile(fileOf(digest), bytes)
    },
    findings: () => scrub.view.findings().map(({ digest, problem, ending }) => ({ digest, problem, ending })),
    remove: (digest: Digest) => void db.prepare('delete from blobs where digest = ?').run(digest),
    quarantined: async () => (await store.quarantined()).count,
    async [Symbol.asyncDispose]() {
      await scrub[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      db[Symbol.dispose]()
      await rm(folder, { recursive: true })
    },
  })
}

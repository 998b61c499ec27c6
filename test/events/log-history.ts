import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CursorExpiredError } from '../../src/events/cursor.ts'
import { openPositionMark } from '../../src/events/position-mark.ts'
import { type LogFixture, openLog } from './fixture.ts'

/** What was put back: all of the folder, the database beside its mark, the database alone, or all but the write-ahead log. */
export type Restored = 'volume' | 'database' | 'copy' | 'without-wal'

/** A cursor that a client got, and all that it had processed then. */
interface Client {
  readonly cursor: string
  readonly seen: readonly string[]
}

interface Snapshot {
  readonly folder: string
  readonly truth: readonly string[]
}

/** A log that is set back in every way, beside a model of what it should have. All entries have the same content and time. */
export class LogHistory implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'imagestreams-history-'))
  readonly #folder = join(this.#root, 'data')
  readonly #snapshots: Snapshot[] = []
  #checkpointed: readonly string[] = []
  #entries = 0
  #log: LogFixture
  #mark = openPositionMark('')
  /** The entries that the log should have had, each with a name of its own. */
  truth: string[] = []
  /** Every cursor that was handed out. */
  readonly clients: Client[] = []
  /** Why the log got a new identity, each time. */
  readonly renewals: string[] = []

  constructor() {
    this.#log = this.#open()
    this.restart()
  }

  #open(): LogFixture {
    this.#checkpointed = [...this.truth]
    this.#mark = openPositionMark(join(this.#folder, 'mark'))
    return openLog(join(this.#folder, 'data.db'), {
      mark: this.#mark,
      onRenewed: (reason) => this.renewals.push(reason),
      onError(error) {
        throw error
      },
    })
  }

  #close(): void {
    this.#log[Symbol.dispose]()
    this.#mark[Symbol.dispose]()
  }

  get head(): number {
    return this.#log.log.head()
  }

  push(count: number): void {
    for (let at = 0; at < count; at++) {
      // the namespace is not part of what identifies an entry
      const namespace = `entry-${this.#entries++}`
      this.#log.push({ namespace })
      this.truth.push(namespace)
      this.clients.push({ cursor: this.#log.log.cursor(this.head), seen: [...this.truth] })
    }
  }

  async trim(): Promise<void> {
    await this.#log.log.dropBefore(1)
    this.clients.push({ cursor: this.#log.log.cursor(this.head), seen: [...this.truth] })
  }

  restart(): void {
    this.#close()
    this.#log = this.#open()
  }

  snapshot(): void {
    this.#close()
    const folder = join(this.#root, `snapshot-${this.#snapshots.length}`)
    cpSync(this.#folder, folder, { recursive: true })
    this.#snapshots.push({ folder, truth: [...this.truth] })
    this.#log = this.#open()
  }

  restore(what: Restored, choose: (count: number) => number): void {
    if (what === 'without-wal') this.#loseLog()
    else this.#putBack(what, choose)
  }

  #putBack(what: Restored, choose: (count: number) => number): void {
    const snapshot = this.#snapshots[choose(this.#snapshots.length)]
    if (!snapshot) return
    this.#close()
    const mark = join(this.#folder, 'mark')
    const kept = readFileSync(mark)
    rmSync(this.#folder, { recursive: true })
    cpSync(snapshot.folder, this.#folder, { recursive: true })
    if (what === 'database') writeFileSync(mark, kept)
    if (what === 'copy') rmSync(mark)
    this.truth = [...snapshot.truth]
    this.#log = this.#open()
  }

  /** As after a kill, with the database as its last checkpoint left it. */
  #loseLog(): void {
    const file = join(this.#folder, 'data.db')
    copyFileSync(file, `${file}.checkpointed`)
    const truth = this.#checkpointed
    this.#close()
    copyFileSync(`${file}.checkpointed`, file)
    rmSync(`${file}-sums`, { force: true })
    this.truth = [...truth]
    this.#log = this.#open()
  }

  /** Returns what a client has processed after it resumed; null when its cursor has expired. */
  resume({ cursor, seen }: Client): readonly string[] | null {
    try {
      const after = this.#log.log.position(cursor)
      const missed = this.#log.log.read({ after, limit: 10_000 })
      return [...seen, ...missed.map(({ namespace }) => namespace)]
    } catch (error) {
      if (error instanceof CursorExpiredError) return null
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#close()
    rmSync(this.#root, { recursive: true })
  }
}

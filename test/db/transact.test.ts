import BetterSqlite3 from 'better-sqlite3'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { watchForFatal } from '../../src/db/sqlite-errors.ts'
import { createTransactions, createTransactTogether, type Transaction } from '../../src/db/transact.ts'

let db: Database
beforeEach(() => {
  db = openDatabase(':memory:')
  db.prepare('create table notes (id integer primary key, text text unique)').run()
})
afterEach(() => db[Symbol.dispose]())

const write = (text: string): void => {
  db.prepare('insert into notes (text) values (?)').run(text)
}
const notes = (): string[] =>
  db
    .prepare<{ text: string }>('select text from notes order by id')
    .all()
    .map(({ text }) => text)

describe('a transaction', () => {
  it('commits all writes and returns the result', () => {
    const result = db.transact(() => {
      write('a')
      write('b')
      return 'done'
    })

    expect(result).toBe('done')
    expect(notes()).toEqual(['a', 'b'])
  })

  it('writes nothing when it throws, and does not affect the next one', () => {
    const failing = () =>
      db.transact(() => {
        write('a')
        throw new Error('no')
      })

    expect(failing).toThrow('no')
    db.transact(() => write('b'))

    expect(notes()).toEqual(['b'])
  })

  it('joins the transaction that is open around it', () => {
    const failing = () =>
      db.transact(() => {
        db.transact(() => write('inner'))
        throw new Error('outer')
      })

    expect(failing).toThrow('outer')
    expect(notes()).toEqual([])
  })

  it('is synced to the disk, unless it says otherwise: what it causes, and what follows, is again', () => {
    const FULL = 2
    const NORMAL = 1
    const level = (): unknown => db.prepare<{ synchronous: number }>('pragma synchronous').get()?.synchronous
    const levels: unknown[] = []
    const note = (): void => void levels.push(level())

    db.transact(() => {
      note()
      db.transactUnsynced(note)
    })
    db.transactUnsynced((tx) => {
      note()
      tx.afterCommit(note)
    })
    expect(() =>
      db.transactUnsynced(() => {
        throw new Error('no')
      }),
    ).toThrow('no')
    note()

    expect(levels).toEqual([FULL, FULL, NORMAL, FULL, FULL])
  })

  it('refuses an async callback, and writes nothing', () => {
    expect(() => db.transact(async () => write('a'))).toThrow(TypeError)
    expect(notes()).toEqual([])
  })

  it('refuses an async callback whose promise rejects, without ending the process', () => {
    const failing = () =>
      db.transact(async () => {
        throw new Error('not awaited')
      })

    expect(failing).toThrow('synchronous')
  })

  it('refuses an async callback inside another transaction too', () => {
    const nested = () =>
      db.transact(() => {
        db.transact(async () => write('a'))
      })

    expect(nested).toThrow(TypeError)
    expect(notes()).toEqual([])
  })
})

describe('a hook after the commit', () => {
  it('runs once, with the write done and no transaction open', () => {
    const seen: string[][] = []
    const hook = (): void => {
      seen.push(notes())
      db.transact(() => write(`by the hook ${seen.length}`))
    }

    db.transact((tx) => {
      tx.afterCommit(hook)
      write('a')
      db.transact((same) => same.afterCommit(hook))
      expect(seen).toEqual([])
    })

    expect(seen).toEqual([['a']])
    expect(notes()).toEqual(['a', 'by the hook 1'])
  })

  it('does not run when the transaction fails', () => {
    let runs = 0
    const failing = (tx: Transaction): void => {
      tx.afterCommit(() => runs++)
      throw new Error('no')
    }

    expect(() => db.transact(failing)).toThrow('no')
    db.transact(() => write('a'))

    expect(runs).toBe(0)
  })
})

describe('writes that arrive together', () => {
  it('share one commit, and resolve after it', async () => {
    let commits = 0
    // the same function for all: it runs once for each commit
    const count = (): void => {
      commits++
    }
    const written = Array.from({ length: 20 }, async (_, at) => {
      const result = await db.transactTogether((tx) => {
        tx.afterCommit(count)
        write(`note ${at}`)
        return at
      })
      return [result, commits]
    })

    expect(notes()).toEqual([])
    expect(await Promise.all(written)).toEqual(written.map((_, at) => [at, 1]))
    expect(notes()).toHaveLength(20)
  })

  it('fail independently of each other', async () => {
    const outcomes = await Promise.allSettled([
      db.transactTogether(() => write('a')),
      db.transactTogether(() => {
        write('half')
        throw new Error('no')
      }),
      db.transactTogether(() => write('a')),
      db.transactTogether(async () => write('async')),
      db.transactTogether(() => write('b')),
    ])

    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect(notes()).toEqual(['a', 'b'])
  })

  it('run only the hooks of writes that did not fail', async () => {
    const ran: string[] = []
    const kept = (): void => {
      ran.push('kept')
    }
    const outcomes = await Promise.allSettled([
      db.transactTogether((tx) => tx.afterCommit(kept)),
      db.transactTogether((tx) => {
        tx.afterCommit(kept)
        db.transact((nested) => nested.afterCommit(() => ran.push('failed')))
        throw new Error('no')
      }),
    ])

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(ran).toEqual(['kept'])
  })

  it('keep their order, and a later write goes into a later commit', async () => {
    const first = db.transactTogether(() => write('a'))
    const second = db.transactTogether(() => write('b'))
    await first
    await Promise.all([second, db.transactTogether(() => write('c'))])

    expect(notes()).toEqual(['a', 'b', 'c'])
  })

  it('are at most 64 in a commit, which blocks the event loop', async () => {
    const shares: number[] = []
    let written = 0
    const count = (): void => {
      shares.push(written)
      written = 0
    }
    await Promise.all(
      Array.from({ length: 150 }, (_, at) =>
        db.transactTogether((tx) => {
          tx.afterCommit(count)
          write(`note ${at}`)
          written++
        }),
      ),
    )

    expect(shares).toEqual([64, 64, 22])
  })

  it('are written once, also when a hook after their commit throws', async () => {
    const outcomes = await Promise.allSettled([
      db.transactTogether(() => write('a')),
      db.transactTogether((tx) => {
        write('b')
        tx.afterCommit(() => {
          throw new Error('no')
        })
      }),
    ])

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(notes()).toEqual(['a', 'b'])
  })

  it('are kept when the commit itself rejects another write', async () => {
    db.prepare(
      'create table children (note integer references notes (id) deferrable initially deferred)',
    ).run()
    const outcomes = await Promise.allSettled([
      db.transactTogether(() => write('a')),
      db.transactTogether(() => db.prepare('insert into children values (99)').run()),
    ])

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(notes()).toEqual(['a'])
  })
})

describe('a disk that is full', () => {
  const limit = (pages: number): void => {
    db.prepare(`pragma max_page_count = ${pages}`).get()
  }

  it('fails the write and nothing else, and accepts writes again without a restart', async () => {
    db.transact(() => write('before'))
    limit(1)
    const large = 'x'.repeat(100_000)

    expect(() => db.transact(() => write(large))).toThrow('full')
    const together = await Promise.allSettled([
      db.transactTogether(() => write('beside')),
      db.transactTogether(() => write(large)),
    ])
    expect(together[1]?.status).toBe('rejected')
    const kept = together[0]?.status === 'fulfilled' ? ['before', 'beside'] : ['before']
    expect(notes()).toEqual(kept)

    limit(1_000_000)
    db.transact(() => write(large))
    expect(notes()).toEqual([...kept, large])
  })

  it('fails a raw statement with the code of SQLite', () => {
    limit(1)

    expect(() =>
      db.transact(() => db.orm.run(sql`insert into notes (text) values (${'x'.repeat(100_000)})`)),
    ).toThrow(expect.objectContaining({ code: 'SQLITE_FULL' }))
  })
})

describe('a commit that fails', () => {
  it('is reported as fatal: its rows may be on disk', async () => {
    const sqlite = new BetterSqlite3(':memory:')
    const error = new BetterSqlite3.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC')
    sqlite.function('fail', () => {
      throw error
    })
    sqlite.exec('create table notes (text)')
    const prepare = sqlite.prepare.bind(sqlite)
    const commitFails = (text: string) =>
      prepare(text === 'COMMIT' ? 'insert into notes values (fail())' : text)
    sqlite.prepare = commitFails as typeof sqlite.prepare
    const fatal: unknown[] = []
    let hooks = 0
    watchForFatal(sqlite, (each) => fatal.push(each))
    const transactions = createTransactions(sqlite)
    const { transact } = transactions
    const transactTogether = createTransactTogether(transactions)
    const write = (tx: Transaction): void => tx.afterCommit(() => hooks++)

    expect(() => transact(write)).toThrow(error)
    expect(fatal).toEqual([error])
    const together = await Promise.allSettled([transactTogether(write), transactTogether(write)])
    expect(together).toMatchObject([{ reason: error }, { reason: error }])
    expect(hooks).toBe(0)
    expect(sqlite.inTransaction).toBe(false)
    sqlite.close()
  })

  it('is fatal when a raw statement fails', () => {
    const sqlite = new BetterSqlite3(':memory:')
    const error = new BetterSqlite3.SqliteError('disk I/O error', 'SQLITE_IOERR_WRITE')
    const fatal: unknown[] = []
    watchForFatal(sqlite, (each) => fatal.push(each))
    const { transact } = createTransactions(sqlite)
    sqlite.function('fail', () => {
      throw error
    })

    expect(() => transact(() => drizzle(sqlite).run(sql`select fail()`))).toThrow(error)
    expect(fatal).toEqual([error])
    sqlite.close()
  })

  it('is not fatal when a restart would not help', () => {
    const fatal: unknown[] = []
    const sqlite = new BetterSqlite3(':memory:')
    watchForFatal(sqlite, (each) => fatal.push(each))
    const { transact } = createTransactions(sqlite)

    expect(() => transact(() => sqlite.exec('no statement'))).toThrow('syntax error')
    expect(fatal).toEqual([])
    sqlite.close()
  })
})

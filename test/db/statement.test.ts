import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'

let db: Database
beforeEach(() => {
  db = openDatabase(':memory:')
  db.prepare('create table notes (id integer primary key, text text)').run()
})
afterEach(() => db[Symbol.dispose]())

it('insert returns the id of its row', () => {
  const insert = db.prepare('insert into notes (text) values (?)')

  expect([insert.insert('a'), insert.insert('b')]).toEqual([1, 2])
})

it('insert refuses a statement with "returning" before it writes', () => {
  const returning = db.prepare('insert into notes (text) values (?) returning id')

  expect(() => returning.insert('a')).toThrow('remove "returning"')
  expect(db.prepare('select * from notes').all()).toEqual([])
})

it('rows are objects with the names of the columns, or tuples', () => {
  db.prepare('insert into notes (text) values (?)').run('a')
  const notes = db.prepare<{ id: number; note: string }>('select id, text as note from notes')

  expect(notes.all()).toEqual([{ id: 1, note: 'a' }])
  expect(notes.tuples()).toEqual([[1, 'a']])
  expect(() => db.prepare('delete from notes').all()).toThrow('returns no rows')
})

it('the thousand most recently used statements stay cached; a caller can still use another that it holds', () => {
  const text = (number: number): string => `select ${number} as number`
  const held = db.prepare<{ number: number }>(text(-1))
  const used = db.prepare(text(0))
  for (let number = 1; number < 2_500; number++) {
    db.prepare(text(number))
    db.prepare(text(0))
  }

  expect(db.prepare(text(0))).toBe(used)
  expect(db.prepare(text(-1))).not.toBe(held)
  expect(held.get()).toEqual({ number: -1 })
})

import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'

let db: Database
beforeEach(() => {
  db = openDatabase(':memory:')
  db.prepare('create table notes (id integer primary key, text text)').run()
})
afterEach(() => db[Symbol.dispose]())

it('an insert gives the id of its row', () => {
  const insert = db.prepare('insert into notes (text) values (?)')

  expect([insert.insert('a'), insert.insert('b')]).toEqual([1, 2])
})

it('an insert refuses to be made slow by "returning", before it writes', () => {
  const returning = db.prepare('insert into notes (text) values (?) returning id')

  expect(() => returning.insert('a')).toThrow('needs no "returning"')
  expect(db.prepare('select * from notes').all()).toEqual([])
})

it('rows are objects named by the columns, or tuples', () => {
  db.prepare('insert into notes (text) values (?)').run('a')
  const notes = db.prepare<{ id: number; note: string }>('select id, text as note from notes')

  expect(notes.all()).toEqual([{ id: 1, note: 'a' }])
  expect(notes.tuples()).toEqual([[1, 'a']])
  expect(() => db.prepare('delete from notes').all()).toThrow('returns no rows')
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AuditLog, createAuditLog } from '../../src/access/audit/audit-log.ts'
import { ForbiddenError } from '../../src/access/right/errors.ts'
import { createRightSets } from '../../src/access/right/right-sets.ts'
import type { Role } from '../../src/access/right/role.ts'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { auditEntries } from '../../src/db/tables/index.ts'

const PAGE = { limit: 100 }
const MINUTE = 60_000

let db: Database
let time: number
let errors: unknown[]
let audit: AuditLog
beforeEach(() => {
  db = openDatabase(':memory:')
  time = 1_000_000
  errors = []
  audit = createAuditLog({ db, now: () => time, onError: (error) => errors.push(error) })
})
afterEach(() => db[Symbol.dispose]())

const viewer = (id: string, role?: Role): Viewer => ({
  ...SYSTEM,
  id,
  name: `${id}@example.org`,
  address: '192.0.2.7',
  requestId: 'r-1',
  rights: createRightSets(db).rightsOf(role ? [{ role, namespace: 'team', streams: '*' }] : []),
})
const move = (tag: string, namespace = 'team') => ({
  action: 'tagImage',
  namespace,
  target: `${namespace}/app:${tag}`,
})
const record = (who: Viewer, action: Parameters<AuditLog['record']>[2]) =>
  db.transact((tx) => audit.record(tx, who, action))
const targets = (filter: Parameters<AuditLog['page']>[1], who = SYSTEM) =>
  audit.page(who, filter, PAGE).map(({ target }) => target)

describe('the audit log', () => {
  it('has who did what, when, from where and with which outcome', () => {
    record(viewer('user:1'), { ...move('v1'), details: { from: 'team/app:rc' } })
    const [entry] = audit.page(SYSTEM, {}, PAGE)
    expect(entry).toMatchObject({
      sequence: 1,
      at: 1_000_000,
      principal: 'user:1',
      principalName: 'user:1@example.org',
      address: '192.0.2.7',
      requestId: 'r-1',
      ...move('v1'),
      outcome: 'DONE',
      details: '{"from":"team/app:rc"}',
    })
  })

  it('is written with the change, and not without it', () => {
    const write = () =>
      db.transact((tx) => {
        audit.record(tx, viewer('user:9'), move('v1'))
        throw new Error('the change fails')
      })
    expect(write).toThrow('the change fails')
    expect(audit.count(SYSTEM, {})).toBe(0)
  })

  it('is read by namespace, principal, action, outcome and time, newest first', () => {
    record(viewer('user:1'), move('v1'))
    time += MINUTE
    record(viewer('token:2'), move('v2'))
    time += MINUTE
    record(viewer('token:2'), { ...move('v3', 'other'), action: 'untagImage' })
    audit.refuse(viewer('user:1'), { ...move('v4'), error: new ForbiddenError('no') })

    expect(targets({})).toEqual(['team/app:v4', 'other/app:v3', 'team/app:v2', 'team/app:v1'])
    expect(targets({ namespace: 'team' })).toEqual(['team/app:v4', 'team/app:v2', 'team/app:v1'])
    expect(targets({ principal: 'token:2' })).toEqual(['other/app:v3', 'team/app:v2'])
    expect(targets({ action: 'untagImage' })).toEqual(['other/app:v3'])
    expect(targets({ outcome: 'REFUSED' })).toEqual(['team/app:v4'])
    expect(targets({ from: 1_000_000 + MINUTE, until: 1_000_000 + 2 * MINUTE })).toEqual(['team/app:v2'])
    expect(targets({ from: 1_000_001 + 2 * MINUTE })).toEqual([])
    expect(audit.count(SYSTEM, { principal: 'token:2' })).toBe(2)
  })

  it('has no entries of the server’s own work, whose results the histories have', () => {
    record(SYSTEM, move('v1'))
    expect(audit.count(SYSTEM, {})).toBe(0)
  })

  it('keeps times in order when the clock is set back', () => {
    record(viewer('user:9'), move('v1'))
    time -= MINUTE
    record(viewer('user:9'), move('v2'))
    expect(audit.page(SYSTEM, {}, PAGE).map(({ at }) => at)).toEqual([1_000_000, 1_000_000])
  })

  it('is read by admins: of a namespace their own, of the server everything', () => {
    record(viewer('user:9'), move('v1'))
    record(viewer('user:9'), move('v1', 'other'))
    const [admin, editor] = [viewer('user:1', 'ADMIN'), viewer('user:2', 'EDITOR')]
    expect(targets({ namespace: 'team' }, admin)).toEqual(['team/app:v1'])
    expect(() => targets({ namespace: 'other' }, admin)).toThrow(ForbiddenError)
    expect(() => targets({}, admin)).toThrow(ForbiddenError)
    expect(() => audit.count(editor, { namespace: 'team' })).toThrow(ForbiddenError)
    expect(audit.bySequence(admin, 1)).toBeDefined()
    expect(audit.bySequence(admin, 2)).toBeUndefined()
    expect(audit.bySequence(editor, 1)).toBeUndefined()
  })
})

describe('refusals', () => {
  const refuse = (who: Viewer, times: number, action = 'tagImage') => {
    for (let count = 0; count < times; count++) {
      audit.refuse(who, { action, namespace: 'team', target: 'team/app:v1', error: new ForbiddenError('no') })
    }
  }

  it('are stored with their reason', () => {
    refuse(viewer('user:1'), 1)
    expect(audit.page(SYSTEM, {}, PAGE)).toMatchObject([{ outcome: 'REFUSED', details: '{"message":"no"}' }])
  })

  it('of a flood are stored in part, and counted', () => {
    refuse(viewer('user:1'), 1_000)
    refuse(viewer('user:2'), 1)
    expect(audit.count(SYSTEM, { principal: 'user:1' })).toBe(10)
    expect(audit.count(SYSTEM, { principal: 'user:2' })).toBe(1)

    audit.storeOmitted()
    audit.storeOmitted()
    expect(audit.page(SYSTEM, { principal: 'system' }, PAGE)).toMatchObject([
      { action: 'refusals', outcome: 'REFUSED', details: '{"omitted":{"tagImage":990}}' },
    ])
  })

  it('that cannot be stored are counted, until the counts can be stored', () => {
    const who = viewer('user:1')
    db.orm.run('pragma query_only = true')
    refuse(who, 3)
    audit.storeOmitted()
    expect(errors).toHaveLength(4)

    db.orm.run('pragma query_only = false')
    audit.storeOmitted()
    expect(audit.page(SYSTEM, {}, PAGE)).toMatchObject([{ details: '{"omitted":{"tagImage":3}}' }])
  })

  it('of many principals together do not fill the disk', () => {
    for (let id = 0; id < 2_000; id++) refuse(viewer(`user:${id}`), 2)
    expect(audit.count(SYSTEM, {})).toBe(500)
  })

  it('of long names are stored with bounded texts', () => {
    const target = 'x'.repeat(100_000)
    audit.refuse(SYSTEM, { action: 'tagImage', namespace: target, target, error: new Error(target) })
    const [entry] = audit.page(SYSTEM, {}, PAGE)
    expect(entry?.target).toHaveLength(500)
    expect(JSON.stringify(entry).length).toBeLessThan(2_500)
  })

  it('that cannot be stored are reported, and are no error of the request', () => {
    db[Symbol.dispose]()
    refuse(SYSTEM, 1)
    expect(errors).toHaveLength(1)
    db = openDatabase(':memory:')
  })
})

describe('the chain of hashes', () => {
  beforeEach(() => {
    for (let tag = 1; tag <= 250; tag++) record(viewer('user:9'), move(`v${tag}`))
  })
  // as one who can write the file can, without the triggers
  const tamper = (text: string) => {
    db.orm.run(`drop trigger if exists audit_entries_are_not_changed`)
    db.orm.run(`drop trigger if exists audit_entries_are_not_removed`)
    db.orm.run(text)
  }

  it('is intact after any number of entries', async () => {
    expect(await audit.verify(SYSTEM)).toMatchObject({
      checkedCount: 250,
      brokenAt: null,
      hasMore: false,
      last: { sequence: 250 },
    })
  })

  it.each([
    ['a changed entry', `update audit_entries set principal = 'user:8' where sequence = 120`, 120],
    ['a changed time', 'update audit_entries set at = at - 1 where sequence = 120', 120],
    ['a removed entry', 'delete from audit_entries where sequence = 120', 120],
    ['removed first entries', 'delete from audit_entries where sequence < 5', 1],
  ])('shows %s', async (_what, text, brokenAt) => {
    tamper(text)
    expect(await audit.verify(SYSTEM)).toMatchObject({ brokenAt, hasMore: false })
  })

  it('shows removed newest entries and a rewritten log to whoever kept a position', async () => {
    const { last } = await audit.verify(SYSTEM)
    record(viewer('user:9'), move('later'))
    expect(await audit.verify(SYSTEM, last)).toMatchObject({ checkedCount: 1, brokenAt: null })

    tamper('delete from audit_entries where sequence > 200')
    expect(await audit.verify(SYSTEM)).toMatchObject({ brokenAt: null })
    expect(await audit.verify(SYSTEM, last)).toMatchObject({ brokenAt: 250 })
  })

  it('is verified in parts that continue each other', async () => {
    const first = await audit.verify(SYSTEM, undefined, 100)
    expect(first).toMatchObject({ checkedCount: 100, hasMore: true })
    expect(await audit.verify(SYSTEM, first.last)).toMatchObject({ checkedCount: 150, hasMore: false })
  })

  it('is verified by server admins alone', async () => {
    await expect(audit.verify(viewer('user:1', 'ADMIN'))).rejects.toThrow(ForbiddenError)
  })
})

it('entries of the audit log cannot be changed or removed by a statement', () => {
  record(viewer('user:9'), move('v1'))
  expect(() => db.orm.update(auditEntries).set({ at: 0 }).run()).toThrow('audit entries are only added')
  expect(() => db.orm.delete(auditEntries).run()).toThrow('audit entries are only added')
})

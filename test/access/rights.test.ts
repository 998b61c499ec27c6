import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRightSets } from '../../src/access/right/right-sets.ts'
import { EVERYTHING, intersection, type RoleGrant } from '../../src/access/right/rights.ts'
import { RIGHTS, ROLES, type Role } from '../../src/access/right/role.ts'
import { anonymous, requireRight, SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { visibleNamespaces, visibleStreams } from '../../src/db/visible-places.ts'
import { rolesTable } from './roles-table.ts'

let db: Database
let rightsOf: ReturnType<typeof createRightSets>['rightsOf']
beforeEach(() => {
  db = openDatabase(':memory:')
  rightsOf = createRightSets(db).rightsOf
})
afterEach(() => db[Symbol.dispose]())

const grant = (role: Role, namespace: string, streams = '*'): RoleGrant => ({ role, namespace, streams })
const APP = { namespace: 'team', name: 'app' }

describe('rights', () => {
  it.each(Object.entries(ROLES))('%s has the rights of the table and no others', (role, { rights }) => {
    const granted = rightsOf([grant(role as Role, 'team')])
    expect(RIGHTS.filter((right) => granted.may(right, APP))).toEqual(rights)
    expect(RIGHTS.filter((right) => granted.may(right, { ...APP, namespace: 'other' }))).toEqual([])
  })

  it('apply to the streams of the pattern', () => {
    const granted = rightsOf([grant('PUSHER', 'team', 'app*'), grant('VIEWER', '*', 'public/*')])
    expect(granted.may('push', { namespace: 'team', name: 'app-2' })).toBe(true)
    expect(granted.may('push', { namespace: 'team', name: 'other' })).toBe(false)
    expect(granted.may('view', { namespace: 'any', name: 'public/x' })).toBe(true)
    expect(granted.mayInNamespace('push', 'team')).toBe(false)
    expect(granted.mayInPartOf('push', 'team')).toBe(true)
    expect(granted.mayInPartOf('view', 'any')).toBe(true)
  })

  it('are the same object for equal grants', () => {
    const [a, b] = [grant('VIEWER', 'a'), grant('ADMIN', 'b', 'x*')]
    expect(rightsOf([a, b])).toBe(rightsOf([b, a, a]))
    expect(rightsOf([a]).key).not.toBe(rightsOf([b]).key)
  })

  it('of a token are at most those of its creator', () => {
    const token = rightsOf([grant('ADMIN', 'team'), grant('VIEWER', 'other')])
    const both = intersection([token, rightsOf([grant('PULLER', 'team')])])
    expect(both.may('pull', APP)).toBe(true)
    expect(both.may('push', APP)).toBe(false)
    expect(both.may('view', { namespace: 'other', name: 'app' })).toBe(false)
    expect(intersection([token, EVERYTHING])).toBe(token)
    expect(intersection([EVERYTHING])).toBe(EVERYTHING)
    expect(both.scopes).toHaveLength(2)
  })
})

describe('statements', () => {
  const NAMES = ['team/app', 'team/other', 'free/app', 'shut/app'].map((name) => name.split('/'))
  const seenBy = (grants: RoleGrant[]): string[] => {
    const [criterion] = visibleStreams(rightsOf(grants), { namespace: 's.n', name: 's.m' })
    return db
      .prepare<{ path: string }>(
        `with s (n, m) as (select value ->> 0, value ->> 1 from json_each(?))
         select n || '/' || m as path from s where ${criterion?.probe.text ?? '1'}`,
      )
      .all(JSON.stringify(NAMES), ...(criterion?.probe.values ?? []))
      .map(({ path }) => path)
  }

  it('read the visible streams', () => {
    expect(seenBy([])).toEqual([])
    expect(seenBy([grant('VIEWER', 'team', 'a*'), grant('PULLER', 'free')])).toEqual(['team/app', 'free/app'])
    expect(seenBy([grant('VIEWER', '*', 'app')])).toEqual(['team/app', 'free/app', 'shut/app'])
    expect(seenBy([grant('VIEWER', '*')])).toHaveLength(NAMES.length)
  })

  it('read the namespaces with a visible place', () => {
    const [criterion] = visibleNamespaces(rightsOf([grant('VIEWER', 'team', 'a*')]), 's.n')
    const rows = db
      .prepare<{ n: string }>(
        `with s (n) as (select value from json_each('["team","free"]')) select n from s where ${criterion?.probe.text}`,
      )
      .all(...(criterion?.probe.values ?? []))
    expect(rows).toEqual([{ n: 'team' }])
  })
})

describe('a viewer without the right', () => {
  const viewer = (...grants: RoleGrant[]): Viewer => ({ ...SYSTEM, id: 'user:1', rights: rightsOf(grants) })
  const refused = (one: Viewer, right: 'push' | 'create') => {
    try {
      requireRight(one, right, APP)
      return undefined
    } catch (error) {
      return error
    }
  }

  it('gets the error of a missing stream for one that it does not see', () => {
    expect(refused(viewer(), 'push')).toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no image stream team/app',
    })
  })

  it('learns for one that it sees which roles have the right', () => {
    expect(refused(viewer(grant('PULLER', 'team')), 'push')).toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('PUSHER, BUILDER, EDITOR, ADMIN'),
    })
    expect(refused(viewer(), 'create')).toMatchObject({ code: 'FORBIDDEN' })
  })

  it('has to sign in, if it has not', () => {
    expect(refused(anonymous(rightsOf([]), SYSTEM), 'push')).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

it('the README has the table of roles', () => {
  const readme = readFileSync(new URL('../../src/access/README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`<!-- roles -->\n${rolesTable()}\n<!-- /roles -->`)
})

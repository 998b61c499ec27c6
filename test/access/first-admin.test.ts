import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAccess } from '../../src/access/access.ts'
import { createAuditLog } from '../../src/access/audit/audit-log.ts'
import { sessionCookie } from '../../src/access/identity/session-cookie.ts'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'

const CLIENT = { address: '192.0.2.7', requestId: 'r-1' }

let db: Database
beforeEach(() => {
  db = openDatabase(':memory:')
})
afterEach(() => db[Symbol.dispose]())

it('the link of the operator gives the local admin a session, also after another admin has suspended it', async () => {
  const now = Date.now
  const onError = (error: unknown): never => {
    throw error
  }
  const audit = createAuditLog({ db, now, onError })
  const cookie = sessionCookie({ isSecure: false })
  const settings = { mode: 'SIGN_IN', failedSignInsPerMinute: 60 } as const
  using access = createAccess({ db, audit, cookie, now, onError, ...settings })
  const { firstAdmin, users, authentication } = access
  const { session } = firstAdmin.accept(firstAdmin.invite(), CLIENT)
  users.suspend({ ...SYSTEM, id: 'user:9' }, session.userId)

  const { secret } = firstAdmin.accept(firstAdmin.invite(), CLIENT)
  const viewer = await authentication.viewerOf({ authorization: `Bearer ${secret}` }, CLIENT)
  expect(viewer.rights.isServerAdmin).toBe(true)
})

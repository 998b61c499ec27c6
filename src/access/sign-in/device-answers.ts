import { createHash } from 'node:crypto'
import { and, eq, gt, lte } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { oneTimeSecrets as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'

/** What a person answered to a program: the number of the person who allows it, or null for a denial. */
export interface DeviceAnswer {
  readonly userId: number | null
}

/** Creates the answers that wait for their programs, by the code that both show. `now` returns milliseconds since 1970. */
export function createDeviceAnswers({ orm }: Database, now: () => number) {
  return {
    /** Stores an answer for so many milliseconds, in place of an earlier one. */
    add(_tx: Transaction, userCode: string, answer: DeviceAnswer, lifetime: number): void {
      const values = { content: JSON.stringify(answer), createdAt: now(), expiresAt: now() + lifetime }
      orm
        .insert(table)
        .values({ hash: hashOf(userCode), purpose: 'DEVICE', ...values })
        .onConflictDoUpdate({ target: table.hash, set: values })
        .run()
    },

    /** Returns the answer and removes it, with those that no program has fetched in time; undefined while there is none. */
    take(_tx: Transaction, userCode: string): DeviceAnswer | undefined {
      const isDevice = eq(table.purpose, 'DEVICE')
      orm
        .delete(table)
        .where(and(isDevice, lte(table.expiresAt, now())))
        .run()
      const isIt = and(isDevice, eq(table.hash, hashOf(userCode)), gt(table.expiresAt, now()))
      const taken = orm.delete(table).where(isIt).returning().get()
      return taken && JSON.parse(taken.content)
    },
  }
}

const hashOf = (userCode: string): Buffer => createHash('sha256').update(`device ${userCode}`).digest()

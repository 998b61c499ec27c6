import { asc, eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { federationRules as table } from '../../db/tables/index.ts'
import type { FederationRule } from './rule.ts'
import type { RuleValues } from './rule-input.ts'

type Row = typeof table.$inferSelect

const ruleOf = ({ claims, settings, allowsPullRequests, ...row }: Row): FederationRule => ({
  ...row,
  claims: JSON.parse(claims),
  settings: JSON.parse(settings),
  allowsPullRequests: allowsPullRequests === 1,
})

/** Returns the columns of what a user decides. */
export const columnsOf = ({ claims, settings, allowsPullRequests, ...rule }: RuleValues) => ({
  ...rule,
  claims: JSON.stringify(claims),
  settings: JSON.stringify(settings),
  allowsPullRequests: allowsPullRequests ? (1 as const) : (0 as const),
})

/** Creates the reads of rules, without any check of rights. */
export function createRuleRows({ orm }: Pick<Database, 'orm'>) {
  return {
    byId(id: number): FederationRule | undefined {
      const row = orm.select().from(table).where(eq(table.id, id)).get()
      return row && ruleOf(row)
    },

    /** Returns the rules with this name: those of different namespaces may have one. */
    named: (name: string): FederationRule[] =>
      orm.select().from(table).where(eq(table.name, name)).all().map(ruleOf),

    /** Returns the rules of an issuer, the oldest first. */
    ofIssuer: (issuer: string): FederationRule[] =>
      orm.select().from(table).where(eq(table.issuer, issuer)).orderBy(asc(table.id)).all().map(ruleOf),

    /** Returns all rules, the oldest first. */
    all: (): FederationRule[] => orm.select().from(table).orderBy(asc(table.id)).all().map(ruleOf),
  }
}

import { createHash } from 'node:crypto'
import type { Database } from '../../db/open.ts'
import type { FederationRule } from './rule.ts'
import { createRuleRows } from './rule-rows.ts'

const PREFIX = 'RULE'

/** Returns a text that identifies a rule and what it accepts: it changes with each requirement, and not with the rule's name. */
export function ruleReference(rule: FederationRule): string {
  const { id, issuer, audience, claims, maxLifetime, allowsPullRequests, settings } = rule
  const accepted = JSON.stringify([issuer, audience, claims, maxLifetime, allowsPullRequests, settings])
  return `${PREFIX}:${id}:${createHash('sha256').update(accepted).digest('base64url')}`
}

/** Creates the check of texts that `ruleReference` returned. */
export function createRuleReferences(db: Pick<Database, 'orm'>) {
  const rows = createRuleRows(db)
  return {
    /** Reports whether the text is one of a rule, in whatever state. */
    isReference: (text: string): boolean => text.startsWith(`${PREFIX}:`),

    /** Reports whether the rule still accepts what it accepted: it was neither changed, disabled nor deleted. */
    isCurrent(reference: string): boolean {
      const rule = rows.byId(Number(reference.split(':')[1]))
      return rule !== undefined && rule.disabledAt === null && ruleReference(rule) === reference
    },
  }
}

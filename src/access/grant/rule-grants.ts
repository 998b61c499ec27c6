import type { federationRules } from '../../db/tables/index.ts'
import type { Viewer } from '../right/viewer.ts'
import type { createGrantRows, StoredGrant, Subject } from './grant-rows.ts'
import { mayGive } from './place.ts'

type Rule = Pick<typeof federationRules.$inferSelect, 'id' | 'createdBy'>

/** Returns the subject of the grants of a federation rule. */
export const subjectOfRule = (id: number): Subject => ({ subjectKind: 'RULE', subject: String(id) })

/** Creates the check of who sees a federation rule, changes it and gives it further roles. */
export function createRuleGrants(grants: Pick<ReturnType<typeof createGrantRows>, 'of'>) {
  const of = ({ id }: Pick<Rule, 'id'>): StoredGrant[] => grants.of([subjectOfRule(id)])
  return {
    /** Returns the roles of a rule; at most 50. */
    of,

    /** Reports whether the viewer may give rights at all places of its roles; without roles, whether the viewer created it. */
    mayChange(viewer: Viewer, rule: Rule): boolean {
      if (viewer.rights.isServerAdmin) return true
      const granted = of(rule)
      return granted.length === 0
        ? rule.createdBy === viewer.id
        : granted.every((grant) => mayGive(viewer, grant))
    },
  }
}

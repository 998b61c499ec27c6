import { eq } from 'drizzle-orm'
import { federationRules as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { AlreadyExistsError, InvalidInputError, NotFoundError, quoted } from '../../input/errors.ts'
import { createGrantRows } from '../grant/grant-rows.ts'
import {
  checkGrantedRole,
  commonNamespace,
  formatPlace,
  type GrantedAt,
  requireRightsOf,
} from '../grant/place.ts'
import { createRuleGrants, subjectOfRule } from '../grant/rule-grants.ts'
import type { AccessParts } from '../identity/dependencies.ts'
import { principalId } from '../identity/principal.ts'
import { requirePerson, requireRight, type Viewer } from '../right/viewer.ts'
import type { FederationRule } from './rule.ts'
import { changedRule, type NewRule, newRule, type RuleChanges, type RuleValues } from './rule-input.ts'
import { columnsOf, createRuleRows } from './rule-rows.ts'

/** The roles that a rule gives to the machines that it admits. */
interface RuleGrants {
  readonly grants: readonly GrantedAt[]
}

/** Rules that admit machines. People who may give rights at all places of a rule's roles see and change it. */
export type FederationRules = ReturnType<typeof createFederationRules>

/** Most rules that one person has created: lists read all rules. */
const MAX_RULES = 100
/** Most roles of a rule. */
const MAX_GRANTS = 50

/** Creates the store of rules. */
export function createFederationRules({ db, audit, changes, now }: AccessParts) {
  const { orm } = db
  const rows = createRuleRows(db)
  const grants = createGrantRows(db)
  const { of: grantsOf, mayChange } = createRuleGrants(grants)

  const visible = (viewer: Viewer): FederationRule[] => {
    requirePerson(viewer)
    return rows.all().filter((rule) => mayChange(viewer, rule))
  }
  const byId = (viewer: Viewer, id: number): FederationRule | undefined => {
    const rule = rows.byId(id)
    return rule && mayChange(viewer, rule) ? rule : undefined
  }

  const record = (
    tx: Transaction,
    viewer: Viewer,
    action: string,
    { id, granted, details }: RecordedRule,
  ): void => {
    const namespace = commonNamespace(granted)
    audit.record(tx, viewer, { action, namespace, target: principalId('rule', id), details })
    changes.record(tx)
  }
  /** Names of rules that the viewer does not see are free: a refusal would reveal them. */
  const requireFreeName = (viewer: Viewer, name: string, own?: number): void => {
    if (rows.named(name).some((rule) => rule.id !== own && mayChange(viewer, rule)))
      throw new AlreadyExistsError(`there is a federation rule with the name ${quoted(name)}`)
  }
  const addGrants = (tx: Transaction, viewer: Viewer, id: number, granted: readonly GrantedAt[]): void => {
    const created = { createdAt: now(), createdBy: viewer.id }
    for (const grant of granted) grants.add(tx, subjectOfRule(id), grant, created)
  }

  /** Changes a rule that the viewer sees, in one transaction. */
  const change = (
    viewer: Viewer,
    id: number,
    apply: (rule: FederationRule, tx: Transaction) => void,
  ): FederationRule => {
    requirePerson(viewer)
    return db.transact((tx) => {
      const rule = byId(viewer, id)
      if (!rule) throw new NotFoundError('there is no such federation rule')
      apply(rule, tx)
      return rows.byId(id) ?? rule
    })
  }

  return {
    /** Returns a rule to those who may change it, and to no one else. */
    byId,

    /** Returns all rules that the viewer may change, the oldest first. Throws ForbiddenError, UnauthenticatedError. */
    visible,

    /** Returns the roles of a rule that `byId` or `visible` returned; at most 50. */
    grantsOf,

    /** Creates a rule. Throws ForbiddenError, UnauthenticatedError, InvalidInputError, AlreadyExistsError. */
    create(viewer: Viewer, { grants: granted, ...input }: NewRule & RuleGrants): FederationRule {
      requirePerson(viewer)
      checkGrants(viewer, granted)
      const values = newRule(input)
      return db.transact((tx) => {
        if (rows.all().filter(({ createdBy }) => createdBy === viewer.id).length >= MAX_RULES)
          throw new InvalidInputError('name', `a person creates at most ${MAX_RULES} federation rules`)
        requireFreeName(viewer, values.name)
        const created = { createdAt: now(), createdBy: viewer.id }
        const { id } = orm
          .insert(table)
          .values({ ...columnsOf(values), ...created })
          .returning({ id: table.id })
          .get()
        addGrants(tx, viewer, id, granted)
        record(tx, viewer, 'createFederationRule', { id, granted, details: detailsOf(values, granted) })
        return { ...values, ...created, id, disabledAt: null, lastUsedAt: null }
      })
    },

    /** Changes a rule; new roles replace those that it has. Throws as `create`, and NotFoundError. */
    update(
      viewer: Viewer,
      id: number,
      { grants: granted, ...input }: RuleChanges & Partial<RuleGrants>,
    ): FederationRule {
      requirePerson(viewer)
      if (granted) checkGrants(viewer, granted)
      return change(viewer, id, (rule, tx) => {
        const values = changedRule(rule, input)
        const before = grantsOf(rule)
        requireFreeName(viewer, values.name, id)
        orm.update(table).set(columnsOf(values)).where(eq(table.id, id)).run()
        if (granted) {
          for (const grant of before) grants.remove(tx, grant.id)
          addGrants(tx, viewer, id, granted)
        }
        record(tx, viewer, 'updateFederationRule', {
          id,
          granted: [...before, ...(granted ?? [])],
          details: detailsOf(values, granted ?? before),
        })
      })
    },

    /** Disables a rule, or enables it again: the machines that it admitted lose their rights at once. Throws as `update`. */
    setDisabled: (viewer: Viewer, id: number, isDisabled: boolean): FederationRule =>
      change(viewer, id, (rule, tx) => {
        const since = isDisabled ? (rule.disabledAt ?? now()) : null
        orm.update(table).set({ disabledAt: since }).where(eq(table.id, id)).run()
        record(tx, viewer, 'setFederationRuleDisabled', {
          id,
          granted: grantsOf(rule),
          details: { name: rule.name, isDisabled },
        })
      }),

    /** Deletes a rule with its roles, and returns it as it was. Throws as `update`. */
    delete: (viewer: Viewer, id: number): FederationRule =>
      change(viewer, id, (rule, tx) => {
        const granted = grantsOf(rule)
        for (const grant of granted) grants.remove(tx, grant.id)
        orm.delete(table).where(eq(table.id, id)).run()
        record(tx, viewer, 'deleteFederationRule', { id, granted, details: { name: rule.name } })
      }),
  }
}

type RecordedDetails = Readonly<Record<string, unknown>>

/** A rule whose change is recorded, for the admins of the namespace where it has and had all its roles. */
interface RecordedRule {
  readonly id: number
  readonly granted: readonly GrantedAt[]
  readonly details: RecordedDetails
}

const detailsOf = ({ settings, ...values }: RuleValues, granted: readonly GrantedAt[]): RecordedDetails => ({
  ...values,
  keysUrl: settings.keysUrl,
  hasCertificateAuthority: settings.ca !== null,
  grants: granted.map(({ role, ...place }) => `${role} ${formatPlace(place)}`),
})

/** Throws unless a person may give these roles to a machine: InvalidInputError, ForbiddenError. */
function checkGrants(viewer: Viewer, granted: readonly GrantedAt[]): void {
  if (granted.length === 0 || granted.length > MAX_GRANTS)
    throw new InvalidInputError('grants', `a rule has 1 to ${MAX_GRANTS} grants`)
  for (const [at, grant] of granted.entries()) {
    checkGrantedRole(grant, `grants.${at}.place`)
    if (grant.role === 'SERVER_ADMIN')
      throw new InvalidInputError(`grants.${at}.role`, 'SERVER_ADMIN is a role of people and groups')
    requireRight(viewer, 'grant', { namespace: grant.namespace, name: grant.streams })
    requireRightsOf(viewer, grant)
  }
}

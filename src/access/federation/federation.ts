import type { Database } from '../../db/open.ts'
import { InvalidInputError } from '../../input/errors.ts'
import type { FetchJson } from '../../published-keys/fetch-json.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { FailedSignIns } from '../identity/failed-sign-ins.ts'
import { principalId } from '../identity/principal.ts'
import { UnauthenticatedError } from '../right/errors.ts'
import type { Rights } from '../right/rights.ts'
import type { Client, Viewer } from '../right/viewer.ts'
import type { LastUses } from '../token/last-uses.ts'
import { createIssuers, idOf } from './issuers.ts'
import { claimsOf } from './presented-token.ts'
import { acceptedUntil, type Claims, type Refusal, refusalsOf } from './refusals.ts'
import type { FederationRule } from './rule.ts'
import { ruleReference } from './rule-reference.ts'
import { createRuleRows } from './rule-rows.ts'
import type { FederationRules } from './rules.ts'

interface FederationDependencies {
  readonly db: Database
  readonly rules: Pick<FederationRules, 'visible'>
  readonly fetchJson: FetchJson
  /** Returns the rights that a principal has now. */
  readonly rightsOf: (principal: string) => Rights
  readonly uses: Pick<LastUses, 'note'>
  readonly failures: FailedSignIns
  readonly audit: Pick<AuditLog, 'failedSignIn'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A machine that a rule admits. */
export interface AdmittedMachine {
  readonly viewer: Viewer
  /** Identifies the rule and what it accepts: the admission ends when the rule changes. */
  readonly credential: string
  /** Milliseconds since 1970 from which the presented token is no longer accepted: nothing issued for it is valid longer. */
  readonly expiresAt: number
}

/** What one rule says about a token. */
export interface RuleVerdict {
  readonly rule: FederationRule
  /** Empty if the rule accepts the token. */
  readonly refusals: readonly Refusal[]
}

/** Admission of machines by tokens of other issuers. */
export type Federation = ReturnType<typeof createFederation>

const MAX_NAME_LENGTH = 255

/** Creates the admission of machines. */
export function createFederation({ db, rules, fetchJson, now, ...access }: FederationDependencies) {
  const { rightsOf, uses, failures, audit } = access
  const rows = createRuleRows(db)
  const issuers = createIssuers({ fetchJson, now })

  const viewerOf = (rule: FederationRule, claims: Claims, client: Client): Viewer => {
    const id = principalId('rule', rule.id)
    const subject = typeof claims.sub === 'string' ? `: ${claims.sub}` : ''
    return { id, name: `${rule.name}${subject}`.slice(0, MAX_NAME_LENGTH), rights: rightsOf(id), ...client }
  }

  /** Returns the oldest rule that accepts the token. Rejects with UnauthenticatedError for none. */
  const ruleFor = async (token: string, claims: Claims): Promise<FederationRule> => {
    let unavailable: Refusal | undefined
    for (const rule of rows.ofIssuer(String(claims.iss))) {
      // the issuer is requested only for tokens that would be accepted
      if (rule.disabledAt !== null || refusalsOf(rule, claims, now()).length > 0) continue
      const refusal = await issuers.signatureRefusal(token, rule)
      if (!refusal) return rule
      if (refusal.reason === 'ISSUER_UNAVAILABLE') unavailable = refusal
    }
    throw new UnauthenticatedError(
      unavailable?.message ?? 'no federation rule accepts the token: the query explainFederation says why',
    )
  }

  return {
    /**
     * Admits a machine that presents a token of another issuer, by the oldest rule that accepts the token. Rejects with
     * UnauthenticatedError.
     */
    async admit(token: string, client: Client): Promise<AdmittedMachine> {
      failures.check(client, token)
      try {
        const claims = claimsIn(token)
        const rule = await ruleFor(token, claims)
        failures.succeeded(token)
        uses.note('RULE', rule.id, client.address)
        return {
          viewer: viewerOf(rule, claims, client),
          credential: ruleReference(rule),
          expiresAt: acceptedUntil(rule, claims),
        }
      } catch (error) {
        if (!(error instanceof UnauthenticatedError)) throw error
        failures.failed(client, token)
        audit.failedSignIn(client, error)
        throw error
      }
    },

    /**
     * Returns what each rule that the viewer sees says about a token, the oldest first. Throws ForbiddenError, UnauthenticatedError,
     * and InvalidInputError for another text. Nothing that it returns contains the token.
     */
    async explain(viewer: Viewer, token: string): Promise<RuleVerdict[]> {
      const visible = rules.visible(viewer)
      const claims = claimsOf(token)
      const signatures = new Map<string, Promise<Refusal | undefined>>()
      const signatureOf = (rule: FederationRule): Promise<Refusal | undefined> => {
        const id = idOf(rule)
        const checked = signatures.get(id) ?? issuers.signatureRefusal(token, rule)
        signatures.set(id, checked)
        return checked
      }
      return Promise.all(
        visible.map(async (rule) => {
          if (rule.issuer !== claims.iss) return { rule, refusals: refusalsOf(rule, claims, now()) }
          const signature = await signatureOf(rule)
          const refusals = [...(signature ? [signature] : []), ...refusalsOf(rule, claims, now())]
          return { rule, refusals: rule.disabledAt === null ? refusals : [DISABLED, ...refusals] }
        }),
      )
    },
  }
}

const DISABLED: Refusal = { reason: 'DISABLED', claim: null, message: 'the rule is disabled' }

/** Returns the claims of the token. Throws UnauthenticatedError for another text. */
function claimsIn(token: string): Claims {
  try {
    return claimsOf(token)
  } catch (error) {
    if (error instanceof InvalidInputError) throw new UnauthenticatedError(error.message)
    throw error
  }
}

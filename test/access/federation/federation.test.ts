import fc from 'fast-check'
import type { JWTPayload } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAuditLog } from '../../../src/access/audit/audit-log.ts'
import { createFederation, type Federation } from '../../../src/access/federation/federation.ts'
import type { NewRule } from '../../../src/access/federation/rule-input.ts'
import { createFederationRules, type FederationRules } from '../../../src/access/federation/rules.ts'
import type { GrantedAt } from '../../../src/access/grant/place.ts'
import { createPrincipalRights } from '../../../src/access/grant/principal-rights.ts'
import { createAccessChanges } from '../../../src/access/identity/access-changes.ts'
import { createFailedSignIns } from '../../../src/access/identity/failed-sign-ins.ts'
import { createRightSets } from '../../../src/access/right/right-sets.ts'
import { EVERYTHING, type Rights } from '../../../src/access/right/rights.ts'
import { anonymous, type Viewer } from '../../../src/access/right/viewer.ts'
import { type Database, openDatabase } from '../../../src/db/open.ts'
import { createEgress, type Egress } from '../../../src/egress/egress.ts'
import { createJsonFetcher } from '../../../src/published-keys/fetch-json.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { type OidcProvider, startOidcProvider } from '../../fixtures/oidc-provider.ts'

const AUDIENCE = 'https://streams.example.org'
const PUSHER: GrantedAt = { role: 'PUSHER', namespace: 'team', streams: 'app' }

let provider: OidcProvider
let db: Database
let egress: Egress
let requests: number
let rules: FederationRules
let federation: Federation
let audit: ReturnType<typeof createAuditLog>
let rightsOf: (principal: string) => Rights
let time: number
let uses: string[]

const CLIENT = { address: '192.0.2.1', requestId: 'r-1' }
const admit = async (text: string): Promise<Viewer> => (await federation.admit(text, CLIENT)).viewer

beforeAll(async () => {
  provider = await startOidcProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())
beforeEach(() => {
  time = Date.now()
  requests = 0
  const now = () => time
  db = openDatabase(':memory:')
  egress = createEgress({ loopback: true })
  audit = createAuditLog({
    db,
    now,
    onError: (error) => {
      throw error
    },
  })
  const parts = { db, audit, changes: createAccessChanges(), now }
  rightsOf = createPrincipalRights(parts).rightsOf
  rules = createFederationRules(parts)
  const fetchJson = createJsonFetcher((url, options) => {
    requests += 1
    return egress.request(url, options)
  })
  uses = []
  federation = createFederation({
    ...parts,
    rules,
    fetchJson,
    rightsOf,
    failures: createFailedSignIns(0, now),
    uses: { note: (kind, id) => void uses.push(`${kind} ${id}`) },
  })
})
afterEach(async () => {
  await egress[Symbol.asyncDispose]()
  db[Symbol.dispose]()
})

const person = (rights: Rights, id = 1): Viewer => ({
  id: `user:${id}`,
  name: 'alice',
  rights,
  address: null,
  requestId: null,
})
const ADMIN = person(EVERYTHING)
const adminOf = (namespace: string): Viewer =>
  person(createRightSets(db).rightsOf([{ role: 'ADMIN', namespace, streams: '*' }]), 2)

const rule = (changes: Partial<NewRule> = {}, grants = [PUSHER], viewer = ADMIN) =>
  rules.create(viewer, {
    name: 'deploy',
    issuer: provider.issuer,
    audience: AUDIENCE,
    claims: [{ name: 'repository_id', patterns: ['123'] }],
    grants,
    ...changes,
  })
const token = (claims: JWTPayload = {}): Promise<string> =>
  provider.token({ aud: AUDIENCE, sub: 'repo:octocat/app:ref', repository_id: '123', ...claims })

describe('a machine', () => {
  it('is admitted by a token of another issuer, with the roles of the rule', async () => {
    const { id } = rule()
    const viewer = await admit(await token())
    expect(viewer).toMatchObject({ id: `rule:${id}`, name: 'deploy: repo:octocat/app:ref', ...CLIENT })
    expect(viewer.rights.may('push', { namespace: 'team', name: 'app' })).toBe(true)
    expect(viewer.rights.may('push', { namespace: 'team', name: 'other' })).toBe(false)
    expect(uses).toEqual([`RULE ${id}`])
  })

  it('has no right to give rights, also with the role ADMIN', async () => {
    const { id } = rule({}, [{ role: 'ADMIN', namespace: 'team', streams: '*' }])
    const rights = rightsOf(`rule:${id}`)
    expect(rights.may('delete', { namespace: 'team', name: 'app' })).toBe(true)
    expect(rights.may('grant', { namespace: 'team', name: 'app' })).toBe(false)
  })

  it('needs a rule, of which a person creates at most 100 and others as many', () => {
    for (let at = 0; at < 100; at++) rule({ name: `rule-${at}` })
    expect(() => rule({ name: 'one more' })).toThrow('a person creates at most 100 federation rules')
    expect(rule({ name: 'of another' }, [PUSHER], person(EVERYTHING, 2)).name).toBe('of another')
  })

  it('loses its rights when the rule is disabled or deleted', async () => {
    const { id } = rule()
    await admit(await token())
    const mayPush = () => rightsOf(`rule:${id}`).mayInPartOf('push', 'team')
    rules.setDisabled(ADMIN, id, true)
    expect(mayPush()).toBe(false)
    await expect(admit(await token())).rejects.toThrow('no federation rule accepts the token')
    rules.setDisabled(ADMIN, id, false)
    expect(mayPush()).toBe(true)
    rules.delete(ADMIN, id)
    expect(mayPush()).toBe(false)
  })

  it('is admitted by the oldest of the rules that accept its token', async () => {
    const first = rule()
    rule({ name: 'second' })
    expect((await admit(await token())).id).toBe(`rule:${first.id}`)
    rules.setDisabled(ADMIN, first.id, true)
    expect((await admit(await token())).id).toBe(`rule:${first.id + 1}`)
  })

  it.each<[string, JWTPayload]>([
    ['another audience', { aud: 'other' }],
    ['another claim', { repository_id: '1234' }],
    ['a pull request', { event_name: 'pull_request' }],
    ['an expired token', { exp: 1 }],
    ['another issuer', { iss: 'https://other.example.org' }],
  ])('is refused for %s, and the issuer is not requested', async (_, claims) => {
    rule()
    await expect(admit(await token(claims))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(requests).toBe(0)
  })

  it('is refused for a forged signature (row 71)', async () => {
    rule()
    const [head, body] = (await token()).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const forged of [`${head}.${body}.AAAA`, `${head}.${body}.`, `${none}.${body}.`]) {
      await expect(admit(forged)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    }
  })

  it('learns that the issuer is unavailable, which affects no other issuer', async () => {
    await using other = await startOidcProvider()
    rule()
    rule({ name: 'other', issuer: other.issuer })
    const theirs = await other.token({ aud: AUDIENCE, repository_id: '123' })
    await other.stop()
    await expect(admit(theirs)).rejects.toThrow(
      `cannot fetch public keys from ${other.issuer}: the connection was refused`,
    )
    expect(await admit(await token())).toBeDefined()
  })

  it('with a text that is no token is refused, and the audit log has it', async () => {
    for (const text of ['', 'ist_x', 'a.b.c', 'x'.repeat(20_000)]) {
      await expect(admit(text)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    }
    expect(audit.page(ADMIN, {}, { limit: 9 }).map(({ outcome }) => outcome)).toContain('FAILED')
  })
})

describe('an explanation', () => {
  it('says of each rule what it lacks, claim by claim, and never has the token', async () => {
    rule()
    rule({
      name: 'wrong',
      audience: 'other',
      claims: [
        { name: 'repository_id', patterns: ['9'] },
        { name: 'environment', patterns: ['production'] },
      ],
    })
    const disabled = rule({ name: 'disabled' })
    rules.setDisabled(ADMIN, disabled.id, true)
    rule({ name: 'elsewhere', issuer: 'https://gitlab.com' })
    const pasted = await token()
    const verdicts = await federation.explain(ADMIN, pasted)
    expect(
      verdicts.map(({ rule: { name }, refusals }) => [
        name,
        ...refusals.map(({ reason, claim }) => `${reason} ${claim}`),
      ]),
    ).toEqual([
      ['deploy'],
      ['wrong', 'AUDIENCE aud', 'CLAIM repository_id', 'CLAIM environment'],
      ['disabled', 'DISABLED null'],
      ['elsewhere', 'ISSUER iss'],
    ])
    expect(verdicts[1]?.refusals[2]?.message).toBe(
      'the token has no claim environment: the rule requires "production"',
    )
    for (const part of pasted.split('.')) expect(JSON.stringify(verdicts)).not.toContain(part)
  })

  it('says that the signature is wrong, or that the issuer is unavailable', async () => {
    rule()
    rule({ name: 'unreachable', keysUrl: 'http://127.0.0.1:1/' })
    const [head, body] = (await token()).split('.')
    const verdicts = await federation.explain(ADMIN, `${head}.${body}.AAAA`)
    expect(verdicts.map(({ refusals }) => refusals.map(({ reason }) => reason))).toEqual([
      ['SIGNATURE'],
      ['ISSUER_UNAVAILABLE'],
    ])
  })

  it('is about the rules that its reader may change, and refuses other texts without repeating them', async () => {
    rule()
    expect(await federation.explain(adminOf('other'), await token())).toEqual([])
    expect(await federation.explain(adminOf('team'), await token())).toHaveLength(1)
    await expect(federation.explain(ADMIN, 'secret-text')).rejects.toThrow(
      /^this is not a token of an OpenID issuer/,
    )
    const stranger = anonymous(rightsOf('anonymous'), { address: null, requestId: null })
    await expect(federation.explain(stranger, await token())).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    })
  })
})

describe('a rule', () => {
  it('gives at most the rights that its author may give', () => {
    const input = {
      name: 'mine',
      issuer: 'https://ci.example.org',
      audience: 'a',
      claims: [{ name: 'id', patterns: ['1'] }],
    }
    const team = adminOf('team')
    expect(rules.create(team, { ...input, grants: [PUSHER] }).createdBy).toBe('user:2')
    for (const [viewer, grants, code] of [
      [team, [{ ...PUSHER, namespace: 'other' }], 'NOT_FOUND'],
      [team, [{ ...PUSHER, namespace: '*' }], 'NOT_FOUND'],
      [ADMIN, [{ role: 'SERVER_ADMIN', namespace: '*', streams: '*' }], 'INVALID'],
      [ADMIN, [], 'INVALID'],
      [{ ...ADMIN, id: 'token:1' }, [PUSHER], 'FORBIDDEN'],
      [{ ...ADMIN, id: 'rule:1' }, [PUSHER], 'FORBIDDEN'],
    ] as [Viewer, GrantedAt[], string][]) {
      expect(() => rules.create(viewer, { ...input, name: 'no', grants })).toThrow(
        expect.objectContaining({ code }),
      )
    }
  })

  it('is missing for those who may not change it', () => {
    const { id } = rule()
    const stranger = adminOf('other')
    expect(rules.byId(stranger, id)).toBeUndefined()
    expect(rules.visible(stranger)).toEqual([])
    for (const write of [
      () => rules.update(stranger, id, { name: 'x' }),
      () => rules.setDisabled(stranger, id, true),
      () => rules.delete(stranger, id),
    ]) {
      expect(write).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
    }
    expect(rules.visible(adminOf('team'))).toHaveLength(1)
  })

  it.each<[string, Partial<NewRule>]>([
    ['no claim', { claims: [] }],
    ['no issuer', { issuer: null }],
    ['an issuer without TLS', { issuer: 'http://ci.example.org' }],
    ['an issuer with a login', { issuer: 'https://a:b@ci.example.org' }],
    ['an issuer that is no URL', { issuer: 'github' }],
    ['keys without TLS', { keysUrl: 'http://10.0.0.1/keys' }],
    ['a certificate that is none', { ca: 'x' }],
    ['an empty audience', { audience: ' ' }],
    ['a lifetime that is too short', { maxLifetime: 59 }],
    ['a lifetime that is too long', { maxLifetime: 86_401 }],
    ['a name with a line break', { name: 'a\nb' }],
  ])('with %s is refused', (_, changes) => {
    expect(() => rule(changes)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })

  it('keeps what a change does not name', async () => {
    const { ca } = await createAuthority()
    const { id, ...created } = rule({ ca, keysUrl: 'https://10.0.0.1/keys', allowsPullRequests: true })
    expect(rules.update(ADMIN, id, {})).toEqual({ id, ...created })
    const changed = rules.update(ADMIN, id, { ca: '', keysUrl: '', name: 'renamed' })
    expect(changed).toMatchObject({
      name: 'renamed',
      settings: { ca: null, keysUrl: null },
      allowsPullRequests: true,
    })
    expect(rules.grantsOf(changed)).toMatchObject([PUSHER])
    rules.update(ADMIN, id, { grants: [{ ...PUSHER, role: 'PULLER' }] })
    expect(rules.grantsOf(changed).map(({ role }) => role)).toEqual(['PULLER'])
    expect(() => rule({ name: 'renamed' })).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }))
  })

  it('is in the audit log with what it admits', () => {
    const { id } = rule()
    rules.setDisabled(ADMIN, id, true)
    rules.delete(ADMIN, id)
    const entries = audit.page(ADMIN, {}, { limit: 10 })
    expect(entries.map(({ action, target }) => `${action} ${target}`)).toEqual([
      `deleteFederationRule rule:${id}`,
      `setFederationRuleDisabled rule:${id}`,
      `createFederationRule rule:${id}`,
    ])
    expect(JSON.parse(entries[2]?.details ?? '')).toMatchObject({
      claims: { repository_id: ['123'] },
      grants: ['PUSHER team/app'],
    })
  })
})

it('10,000 tokens with random claims and signatures are refused, with no other error', async () => {
  rule()
  const valid = (await token()).split('.')
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')
  const claims = fc.record(
    {
      iss: fc.constantFrom(provider.issuer, 'https://other'),
      aud: fc.oneof(fc.constant(AUDIENCE), fc.jsonValue()),
      repository_id: fc.oneof(fc.constant('123'), fc.jsonValue()),
      iat: fc.oneof(fc.constant(Math.floor(time / 1000)), fc.jsonValue()),
      exp: fc.oneof(fc.constant(Math.floor(time / 1000) + 60), fc.jsonValue()),
    },
    { requiredKeys: ['iss'] },
  )
  const header = fc.record({
    alg: fc.constantFrom('RS256', 'none', 'HS256', 'ES256', 'EdDSA', 'RSA1_5'),
    kid: fc.oneof(fc.string(), fc.jsonValue()),
    crit: fc.oneof(fc.constant(undefined), fc.jsonValue()),
  })
  const random = fc
    .tuple(header, claims, fc.oneof(fc.base64String(), fc.constant(valid[2])))
    .map(([head, body, signature]) => `${part(head)}.${part(body)}.${signature}`)
  await fc.assert(
    fc.asyncProperty(random, async (forged) => {
      await expect(admit(forged)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    }),
    { numRuns: 10_000 },
  )
})

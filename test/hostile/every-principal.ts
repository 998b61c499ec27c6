import { RIGHTS, type Right, ROLES, type Role } from '../../src/access/right/role.ts'
import { startOidcProvider } from '../fixtures/oidc-provider.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'

// One principal of each kind that there is, each with what it may do in one namespace according to the table of roles alone.

/** What a principal has beside rights in the namespace. */
type Standing = 'person' | 'server-admin'

export interface Principal {
  readonly name: string
  /** Bearer token; undefined for a client without a credential. */
  readonly secret: string | undefined
  readonly has: ReadonlySet<Right | Standing>
}

/** Namespace of the roles. */
export const NAMESPACE = 'default'
const AUDIENCE = 'https://streams.example.org'
const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
}

/** Roles of federation rules: their machines differ from tokens in how they sign in alone. */
const OF_MACHINES: readonly Role[] = ['VIEWER', 'BUILDER', 'ADMIN']

const withoutGrant = (rights: readonly Right[]): Right[] => rights.filter((right) => right !== 'grant')

/** Starts a server with all principals: for each role a person and an access token that have it, and machines. */
export async function startWithEveryPrincipal(
  config: NonNullable<Parameters<typeof startSignedInApp>[0]>['config'] = {},
) {
  const unlimited = { costPerMinute: 0, requestsPerMinute: 0, failedSignInsPerMinute: 0 }
  const server = await startSignedInApp({ config: { ...unlimited, ...config }, rolesIn: NAMESPACE })
  await using provider = await startOidcProvider()
  const admin = server.as('admin')

  const tokenWith = async (role: Role | 'SERVER_ADMIN', place: string): Promise<string> => {
    const { createAccessToken } = await admin.request<{ createAccessToken: { secret: string } }>(
      `mutation { createAccessToken(input: { name: "${role}", grants: [{ role: ${role}, place: "${place}" }] }) { secret } }`,
    )
    return createAccessToken.secret
  }
  const machineWith = async (role: Role): Promise<string> => {
    await admin.request(
      `mutation ($input: CreateFederationRuleInput!) { createFederationRule(input: $input) { federationRule { id } } }`,
      {
        input: {
          ...{ name: role, issuer: provider.issuer, audience: AUDIENCE },
          claims: [{ name: 'sub', patterns: [role] }],
          grants: [{ role, place: `${NAMESPACE}/*` }],
        },
      },
    )
    const subject_token = await provider.token({ aud: AUDIENCE, sub: role })
    const body = new URLSearchParams({ ...EXCHANGE, subject_token })
    const response = await fetch(`${server.url}/token`, { method: 'POST', body })
    return ((await response.json()) as { access_token: string }).access_token
  }

  const principals: Principal[] = [
    { name: 'anonymous', secret: undefined, has: new Set() },
    { name: 'stranger', secret: server.secrets.stranger, has: new Set(['person']) },
    { name: 'token of another namespace', secret: server.secrets.token, has: new Set() },
    {
      name: 'server admin',
      secret: server.secrets.admin,
      has: new Set([...RIGHTS, 'person', 'server-admin']),
    },
    {
      name: 'token of a server admin',
      secret: await tokenWith('SERVER_ADMIN', '*/*'),
      has: new Set([...withoutGrant(RIGHTS), 'server-admin']),
    },
  ]
  for (const [role, { rights }] of Object.entries(ROLES) as [Role, { rights: readonly Right[] }][]) {
    const secret = server.sessions.get(role)
    const has = new Set(withoutGrant(rights))
    principals.push(
      { name: `person: ${role}`, secret, has: new Set([...rights, 'person']) },
      { name: `token: ${role}`, secret: await tokenWith(role, `${NAMESPACE}/*`), has },
    )
    if (OF_MACHINES.includes(role))
      principals.push({ name: `machine: ${role}`, secret: await machineWith(role), has })
  }
  return { server, principals }
}

/** Returns the headers of a principal's requests. */
export const headersOf = ({ secret }: Principal): Record<string, string> =>
  secret === undefined ? {} : { authorization: `Bearer ${secret}` }

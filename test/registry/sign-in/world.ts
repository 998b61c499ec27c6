import { EVERYTHING, type RoleGrant } from '../../../src/access/right/rights.ts'
import type { RegistrySignIn } from '../../../src/registry/sign-in/dependencies.ts'
import { image } from '../../fixtures/random-image.ts'
import type { Answer } from '../client.ts'
import { openWorld, type World } from '../world.ts'

const at = (role: RoleGrant['role'], namespace: string): RoleGrant => ({ role, namespace, streams: '*' })

/** Grants of the principals; `owner` may do everything. */
const GRANTS: Readonly<Record<string, readonly RoleGrant[]>> = {
  anonymous: [at('PULLER', 'public')],
  puller: [at('PULLER', 'team'), at('PULLER', 'public')],
  builder: [at('BUILDER', 'team'), at('PULLER', 'public')],
  pusher: [at('PUSHER', 'team')],
}

export const web = image({ seed: 'web' })

/** A registry with sign-in, and an image in `public/web`, `team/web` and `secret/web`. */
export async function openSignInWorld(signIn?: Partial<RegistrySignIn>): Promise<World> {
  let unnamed = 'owner'
  const world = await openWorld({
    rightsOf: (principal, sets) =>
      principal === 'owner' ? EVERYTHING : sets.rightsOf(GRANTS[principal] ?? []),
    withoutCredential: () => unnamed,
    ...(signIn && { signIn }),
  })
  for (const name of ['public/web', 'team/web', 'secret/web']) await world.push(name, web, 'v1')
  unnamed = 'anonymous'
  return world
}

export const basic = (secret: string) => ({
  authorization: `Basic ${Buffer.from(`anyone:${secret}`).toString('base64')}`,
})

/** Headers with a token for the scopes, for a secret or for none. */
export async function tokenFor(world: World, secret: string | null, ...scopes: string[]) {
  const query = new URLSearchParams(scopes.map((scope) => ['scope', scope]))
  const { json } = await world.get(`/token?${query}`, secret === null ? {} : basic(secret))
  return { authorization: `Bearer ${(json as { token: string }).token}` }
}

/** The parameters of a challenge. */
export const challengeOf = ({ headers }: Answer): Record<string, string> =>
  Object.fromEntries(
    [...(headers['www-authenticate'] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )

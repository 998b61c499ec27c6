import { describe, expect, test } from 'vitest'
import type { ConfigurationInput } from '../../src/registry-config/configuration-input.ts'
import { mayReceive, type ReceiverChange } from '../../src/registry-config/receivers.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { World } from './world.ts'

const { ca } = await createAuthority()
const proxy = { url: 'http://proxy.example:3128' }

describe('a change of a configuration', () => {
  const hostsOf = (...inputs: ConfigurationInput[]): (readonly string[])[] => {
    using world = new World()
    const changes: ReceiverChange[] = world.unbound
    for (const input of inputs) world.set('quay.io/team', input)
    return changes.map(({ hosts }) => hosts)
  }

  test.each<[string, ConfigurationInput]>([
    ['a proxy', { proxy }],
    ['certificates', { ca }],
    ['insecure connections', { insecure: true }],
    ['a vendor with its API', { vendor: 'HARBOR', apiUrl: 'https://harbor.example' }],
  ])('unbinds the logins of its registry: %s', (_, input) => {
    expect(hostsOf(input)).toEqual([['quay.io']])
    expect(hostsOf(input, { concurrency: undefined, access: 'ALLOWED' })).toHaveLength(1)
  })

  test.each<[string, ConfigurationInput]>([
    ['access', { access: 'BLOCKED' }],
    ['secure mirrors and locations', { location: 'other.example/x', mirrors: [{ location: 'm.example' }] }],
    ['the default', { insecure: false, ca: null, proxy: null }],
  ])('that decides nothing about who receives logins unbinds none: %s', (_, input) => {
    expect(hostsOf(input)).toEqual([])
  })

  test('that reaches other hosts insecurely unbinds the logins of those', () => {
    expect(hostsOf({ mirrors: [{ location: 'mirror.example/quay', insecure: true }] })).toEqual([
      ['mirror.example'],
    ])
    expect(hostsOf({ location: 'other.example/x', insecure: true })).toEqual([['quay.io', 'other.example']])
  })

  test('back unbinds them again: whoever set a login meanwhile set it for the other server', () => {
    expect(hostsOf({ proxy }, { proxy: null })).toEqual([['quay.io'], ['quay.io']])
    using world = new World()
    world.set('quay.io', { proxy })
    expect(world.store.redirectsLoginsFor('quay.io')).toBe(true)
    world.store.delete(world.admin, 'quay.io')
    expect(world.unbound).toHaveLength(2)
    expect(world.store.redirectsLoginsFor('quay.io')).toBe(false)
  })
})

describe('a host', () => {
  test.each([
    ['quay.io', 'quay.io', 'PASSWORD'],
    ['auth.docker.io', 'docker.io', 'PASSWORD'],
    ['api.ecr.eu-west-1.amazonaws.com', '1.dkr.ecr.eu-west-1.amazonaws.com', 'AWS_ACCESS_KEY'],
    ['oauth2.googleapis.com', 'europe-docker.pkg.dev', 'GOOGLE_SERVICE_ACCOUNT'],
    ['login.microsoftonline.com', 'team.azurecr.io', 'AZURE_SERVICE_PRINCIPAL'],
    ['team.azurecr.io', 'images.corp.example', 'AZURE_SERVICE_PRINCIPAL'],
    ['localhost:5000', 'localhost:5000', 'PASSWORD'],
  ])('%s may receive the logins for %s (%s)', (host, registry, kind) => {
    expect(mayReceive([host], registry, kind)).toBe(true)
  })

  test.each([
    ['evil.example', 'quay.io', 'PASSWORD'],
    ['localhost:5001', 'localhost:5000', 'PASSWORD'],
    ['a.azurecr.io', 'b.azurecr.io', 'PASSWORD'],
    ['oauth2.googleapis.com', 'quay.io', 'PASSWORD'],
    ['1.dkr.ecr.eu-west-1.amazonaws.com', '2.dkr.ecr.eu-west-1.amazonaws.com', 'AWS_ACCESS_KEY'],
    ['notamazonaws.com', 'quay.io', 'AWS_ACCESS_KEY'],
  ])('%s does not receive those for %s (%s)', (host, registry, kind) => {
    expect(mayReceive([host], registry, kind)).toBe(false)
  })
})

test('only a server admin configures registries', () => {
  using world = new World()
  const viewer = { ...world.admin, id: 'user:1', rights: { ...world.admin.rights, isServerAdmin: false } }
  for (const refused of [
    () => world.store.configure(viewer, { prefix: 'quay.io', access: 'BLOCKED' }),
    () => world.store.delete(viewer, 'quay.io'),
    () => world.store.setDefaultAccess(viewer, 'BLOCKED'),
  ]) {
    expect(refused).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  }
  expect(world.store.all()).toEqual([])
})

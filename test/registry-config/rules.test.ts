import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { nameOf, World } from './world.ts'

describe('the longest prefix of whole segments applies', () => {
  test('to paths, and not to a part of a segment', () => {
    using world = new World()
    world.set('quay.io', { location: 'one.example' })
    world.set('quay.io/team', { location: 'two.example/t' })
    world.set('quay.io/team/app', { location: 'three.example/x/y' })
    const readFrom = (name: string) => world.locations(name).map(nameOf)

    expect(readFrom('quay.io/other/app')).toEqual(['one.example/other/app'])
    expect(readFrom('quay.io/team/web')).toEqual(['two.example/t/web'])
    expect(readFrom('quay.io/team')).toEqual(['two.example/t'])
    expect(readFrom('quay.io/teams/web')).toEqual(['one.example/teams/web'])
    expect(readFrom('quay.io/team/app')).toEqual(['three.example/x/y'])
    expect(readFrom('quay.io/team/app/sidecar')).toEqual(['three.example/x/y/sidecar'])
    expect(readFrom('quay.io.evil.example/team')).toEqual(['quay.io.evil.example/team'])
    expect(readFrom('quay.io:8443/team')).toEqual(['quay.io:8443/team'])
  })

  test('and shorter prefixes provide the settings that it lacks', async () => {
    using world = new World()
    const { ca } = await createAuthority()
    world.set('quay.io', {
      ca,
      proxy: { url: 'http://proxy.example:3128' },
      vendor: 'QUAY',
      mirrors: [{ location: 'm.example' }],
    })
    world.set('quay.io/team', { access: 'ALLOWED', apiUrl: 'https://quay.example/api' })

    const [mirror, origin] = world.locations('quay.io/team/app')
    expect(mirror && nameOf(mirror)).toBe('m.example/team/app')
    expect(origin?.route).toMatchObject({ ca: [ca], proxy: { url: 'http://proxy.example:3128' } })
    expect(world.rules.vendorOf('quay.io', 'team/app')).toEqual({
      vendor: 'QUAY',
      apiUrl: 'https://quay.example/api',
    })
  })

  test('but location, mirrors and insecure come from one configuration', () => {
    using world = new World()
    world.set('quay.io', { insecure: true, mirrors: [{ location: 'm.example' }] })
    world.set('quay.io/team', { location: 'other.example' })

    expect(world.locations('quay.io/team/app')).toMatchObject([
      { registry: 'other.example', repository: 'app', insecure: false },
    ])
    expect(world.locations('quay.io/x')).toMatchObject([{ registry: 'm.example' }, { insecure: true }])
  })

  test('an empty list of mirrors removes them', () => {
    using world = new World()
    world.set('quay.io', { mirrors: [{ location: 'm.example' }] })
    world.set('quay.io/team', { mirrors: [] })

    expect(world.locations('quay.io/team/app').map(nameOf)).toEqual(['quay.io/team/app'])
  })
})

describe('a location', () => {
  test('has the connection settings of its own name, not of the name that led to it', async () => {
    using world = new World()
    const [one, two] = [await createAuthority(), await createAuthority()]
    const { cert, key } = await one.issueClient('me')
    world.set('quay.io', {
      location: 'moved.example/q',
      mirrors: [{ location: 'm.example/quay' }],
      ca: one.ca,
      clientCertificate: { certificate: cert, key },
      proxy: { url: 'http://proxy.example:3128', username: 'me', password: 'canary' },
    })
    world.set('m.example/quay', { ca: two.ca })

    const [mirror, origin] = world.locations('quay.io/app')
    expect(mirror?.route).toMatchObject({ ca: [two.ca], client: null, proxy: null })
    expect(origin).toMatchObject({ registry: 'moved.example', route: undefined })
  })

  test('is marked as named only on the registry that was named', () => {
    using world = new World()
    world.set('quay.io', { location: 'quay.io/mirrored', mirrors: [{ location: 'm.example' }] })

    expect(world.locations('QUAY.IO/app')).toMatchObject([
      { registry: 'm.example', isNamed: false },
      { registry: 'quay.io', repository: 'mirrored/app', isNamed: true },
    ])
  })

  test('without a repository name is blocked', () => {
    using world = new World()
    world.set('quay.io/team/app', { location: 'one.example', mirrors: [{ location: 'two.example' }] })

    expect(world.blockOf('quay.io/team/app')).toContain('without a repository name')
    expect(world.locations('quay.io/team/app/web').map(nameOf)).toEqual([
      'two.example/web',
      'one.example/web',
    ])
  })

  test('is not rewritten again, so that no rewrite is circular', () => {
    using world = new World()
    world.set('a.example', { location: 'b.example' })
    world.set('b.example', { location: 'a.example' })

    expect(world.locations('a.example/x').map(nameOf)).toEqual(['b.example/x'])
    expect(world.locations('b.example/x').map(nameOf)).toEqual(['a.example/x'])
  })
})

describe('blocked', () => {
  test('is decided by the longest prefix with an access', () => {
    using world = new World()
    world.set('quay.io', { access: 'BLOCKED' })
    world.set('quay.io/team', { access: 'ALLOWED' })
    world.set('quay.io/team/secret', { access: 'BLOCKED' })
    world.set('quay.io/other', { insecure: true })

    expect(world.blockOf('quay.io/any')).toBe(
      'the configuration of quay.io blocks it; access: ALLOWED in configureRegistry permits it',
    )
    expect(world.blockOf('quay.io/other/app')).toBe(
      'the configuration of quay.io blocks it; access: ALLOWED in configureRegistry permits it',
    )
    expect(world.blockOf('quay.io/team/app')).toBeNull()
    expect(world.blockOf('quay.io/team/secret/app')).toBe(
      'the configuration of quay.io/team/secret blocks it; access: ALLOWED in configureRegistry permits it',
    )
    expect(world.blockOf('ghcr.io/team/app')).toBeNull()
  })

  test.each(['QUAY.IO/x', 'quay.io:443/x', 'Quay.io:0443/x', 'quay.io:80/x', 'quay.io:8443/x'])(
    'applies to other spellings and ports of the host: %s',
    (name) => {
      using world = new World()
      world.set('quay.io', { access: 'BLOCKED' })
      expect(world.blockOf(name)).toBe(
        'the configuration of quay.io blocks it; access: ALLOWED in configureRegistry permits it',
      )
    },
  )

  test.each([
    '127.1:5000/x',
    '2130706433:5000/x',
    '0x7f.0.0.1:5000/x',
    '127.0.0.1:5000/x',
    '[::ffff:127.0.0.1]:5000/x',
    '[0:0:0:0:0:FFFF:7f00:1]/x',
  ])('applies to every form of the same address: %s', (name) => {
    using world = new World()
    world.set('127.0.0.1', { access: 'BLOCKED' })
    expect(world.blockOf(name)).toBe(
      'the configuration of 127.0.0.1 blocks it; access: ALLOWED in configureRegistry permits it',
    )
  })

  test.each(['docker.io/library/x', 'index.docker.io/library/x', 'registry-1.docker.io:443/library/x'])(
    'applies to Docker Hub under each of its names: %s',
    (name) => {
      using world = new World()
      world.set('docker.io', { access: 'BLOCKED' })
      expect(world.blockOf(name)).toBe(
        'the configuration of docker.io blocks it; access: ALLOWED in configureRegistry permits it',
      )
    },
  )

  test('applies to a location, and removes a blocked mirror', () => {
    using world = new World()
    world.set('quay.io', { location: 'bad.example/q' })
    world.set('ghcr.io', { mirrors: [{ location: 'bad.example/g' }, { location: 'good.example' }] })
    world.set('bad.example', { access: 'BLOCKED' })

    expect(world.blockOf('quay.io/app')).toBe(
      'it would be read from bad.example/q/app, and the configuration of bad.example blocks it; access: ALLOWED in configureRegistry permits it',
    )
    expect(world.locations('ghcr.io/app').map(nameOf)).toEqual(['good.example/app', 'ghcr.io/app'])
  })

  test('applies to token servers and redirect targets on a blocked host', () => {
    using world = new World()
    world.set('bad.example', { access: 'BLOCKED' })
    const [via] = world.locations('quay.io/app')

    expect(via && world.rules.routeToOtherHost('bad.example', via)).toEqual({
      blockedBy:
        'the configuration of bad.example blocks it; access: ALLOWED in configureRegistry permits it',
    })
    expect(via && world.rules.routeToOtherHost('cdn.example', via)).toEqual({ route: undefined })
  })
})

describe('with everything blocked by default', () => {
  const allowList = (options = {}) => {
    const world = new World(options)
    world.store.setDefaultAccess(SYSTEM, 'BLOCKED')
    world.set('quay.io/team', { access: 'ALLOWED' })
    world.set('ghcr.io', { insecure: false })
    return world
  }
  const NOT_ALLOWED =
    'no configuration allows it, and the default access is BLOCKED; access: ALLOWED in configureRegistry permits it'

  test('only configured prefixes are allowed', () => {
    using world = allowList()
    expect(world.blockOf('quay.io/team/app')).toBeNull()
    for (const name of ['quay.io/other', 'ghcr.io/app', 'docker.io/library/x', 'quay.io.example/team/app']) {
      expect(world.blockOf(name)).toBe(NOT_ALLOWED)
    }
  })

  test('an allowed name allows its own port only', () => {
    using world = allowList()
    expect(world.blockOf('quay.io:443/team/app')).toBeNull()
    expect(world.blockOf('quay.io:5000/team/app')).toBe(NOT_ALLOWED)
  })

  test('mirrors, locations and other hosts of an allowed repository need not be allowed themselves', () => {
    using world = allowList()
    world.set('quay.io/team', { location: 'moved.example', mirrors: [{ location: 'm.example' }] })
    const [via] = world.locations('quay.io/team/app')

    expect(world.locations('quay.io/team/app').map(nameOf)).toEqual(['m.example/app', 'moved.example/app'])
    expect(via && world.rules.routeToOtherHost('cdn.example', via)).toEqual({ route: undefined })
    expect(world.blockOf('m.example/app')).toBe(NOT_ALLOWED)
  })

  test('the registry of the settings is allowed unless a configuration blocks it', () => {
    using world = allowList({ own: ['registry.corp:5000'] })
    expect(world.blockOf('registry.corp:5000/app')).toBeNull()
    world.set('registry.corp:5000', { access: 'BLOCKED' })
    expect(world.blockOf('registry.corp:5000/app')).toBe(
      'the configuration of registry.corp:5000 blocks it; access: ALLOWED in configureRegistry permits it',
    )
  })

  test('a login may be tested where a part of the registry is allowed', () => {
    using world = allowList()
    expect(world.rules.loginLocationOf('quay.io', null)).toMatchObject({ registry: 'quay.io' })
    expect(world.rules.loginLocationOf('quay.io', 'other/app')).toEqual({ blockedBy: NOT_ALLOWED })
    expect(world.rules.loginLocationOf('ghcr.io', null)).toEqual({ blockedBy: NOT_ALLOWED })
  })
})

describe('other hosts', () => {
  test('have their own authorities, their own proxy or that of the registry, and no client certificate', async () => {
    using world = new World()
    const authority = await createAuthority()
    const { cert, key } = await authority.issueClient('me')
    const clientCertificate = { certificate: cert, key }
    world.set('registry.corp', { proxy: { url: 'http://one.example:1' }, clientCertificate })
    world.set('auth.corp', { ca: authority.ca, clientCertificate })
    world.set('cdn.corp', { proxy: { url: 'http://two.example:2' } })
    const [via] = world.locations('registry.corp/app')
    const route = (host: string) => {
      const other = via && world.rules.routeToOtherHost(host, via)
      return other && 'route' in other ? other.route : undefined
    }

    expect(via?.route?.client).not.toBeNull()
    expect(route('auth.corp')).toMatchObject({
      ca: [authority.ca],
      client: null,
      proxy: { url: 'http://one.example:1' },
    })
    expect(route('cdn.corp')).toMatchObject({ client: null, proxy: { url: 'http://two.example:2' } })
    expect(route('auth.corp')).toBe(route('auth.corp'))
  })
})

describe('limits', () => {
  test('apply to every name of the registry', () => {
    using world = new World()
    world.set('docker.io', { concurrency: 3, requestsPerSecond: 0.5 })

    expect(world.rules.limitsOf('docker.io')).toEqual({ concurrency: 3, requestsPerSecond: 0.5 })
    expect(world.rules.limitsOf('quay.io')).toEqual({ concurrency: null, requestsPerSecond: null })
  })
})

import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { InvalidInputError, NotFoundError } from '../../src/input/errors.ts'
import type { ConfigurationInput } from '../../src/registry-config/configuration-input.ts'
import { MAX_CONFIGURATIONS } from '../../src/registry-config/registry-configurations.ts'
import { registrySecretVault } from '../../src/registry-config/secrets.ts'
import { rotateKeys } from '../../src/secrets/rotate-keys.ts'
import { newSealingKey } from '../../src/secrets/sealing-key.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { START, sealerOf, World } from './world.ts'

const authority = await createAuthority()
const client = await authority.issueClient('imagestreams')
const clientCertificate = { certificate: client.cert, key: client.key }
const proxy = { url: 'http://proxy.example:3128', username: 'me', password: 'canary' }

/** Returns the error of the change. */
const refused = (input: ConfigurationInput, prefix = 'quay.io'): InvalidInputError => {
  using world = new World()
  try {
    world.set(prefix, input)
  } catch (error) {
    expect(world.store.all()).toEqual([])
    if (error instanceof InvalidInputError) return error
    throw error
  }
  return expect.fail('it was accepted')
}

describe('a configuration', () => {
  test('keeps fields that a change leaves out, and removes those that are null', () => {
    using world = new World()
    world.set('quay.io', { access: 'BLOCKED', insecure: true, vendor: 'QUAY', concurrency: 4 })
    world.time += 1000
    const changed = world.set('quay.io', { access: null, vendor: 'NONE' })

    expect(changed).toMatchObject({ access: null, insecure: true, vendor: 'NONE', concurrency: 4 })
    expect(changed).toMatchObject({ createdAt: START, updatedAt: START + 1000 })
    expect(world.store.at('QUAY.io:443')).toEqual(changed)
  })

  test('applies at once, and notifies after the commit', () => {
    using world = new World()
    world.set('quay.io', { access: 'BLOCKED' })
    expect(world.blockOf('quay.io/x')).not.toBeNull()
    expect(world.changes).toBe(1)
    world.store.delete(SYSTEM, 'quay.io')
    expect(world.blockOf('quay.io/x')).toBeNull()
    world.store.setDefaultAccess(SYSTEM, 'BLOCKED')
    expect(world.blockOf('quay.io/x')).not.toBeNull()
    expect(world.changes).toBe(3)
  })

  test('is the same after a restart, with its secrets', () => {
    using world = new World()
    world.set('quay.io', { clientCertificate, proxy, ca: authority.ca })
    world.store.setDefaultAccess(SYSTEM, 'BLOCKED')
    const before = world.rules.loginLocationOf('quay.io', null)

    const again = world.storeWith(sealerOf(world.key))
    expect(again.all()).toEqual(world.store.all())
    expect(again.defaultAccess()).toBe('BLOCKED')
    expect(again.rules().loginLocationOf('quay.io', null)).toEqual(before)
  })

  test('is listed by prefix', () => {
    using world = new World()
    for (const prefix of ['quay.io/team', 'ghcr.io', 'quay.io']) world.set(prefix)
    expect(world.store.all().map(({ registry, path }) => `${registry}/${path}`)).toEqual([
      'ghcr.io/',
      'quay.io/',
      'quay.io/team',
    ])
  })

  test('that does not exist cannot be deleted', () => {
    using world = new World()
    world.set('quay.io/team')
    expect(() => world.store.delete(SYSTEM, 'quay.io')).toThrow(NotFoundError)
    expect(() => world.store.delete(SYSTEM, 'quay.io')).toThrow('there is no configuration of quay.io')
  })

  test('is refused above a thousand', () => {
    using world = new World()
    world.db.transact(() => {
      for (let n = 0; n < MAX_CONFIGURATIONS; n += 1) world.set(`r${n}.example`)
    })
    expect(() => world.set('one.more')).toThrow(`at most ${MAX_CONFIGURATIONS}`)
    expect(world.set('r1.example', { insecure: true }).insecure).toBe(true)
  })
})

describe('a secret of a configuration', () => {
  const stored = (world: World): string =>
    JSON.stringify([
      world.store.all(),
      world.db.prepare('select * from registry_configurations').tuples(),
      world.db.prepare<{ text: string }>('select hex(sealed) as text from registry_secrets').all(),
    ])

  test('is stored sealed and not returned', () => {
    using world = new World()
    world.set('quay.io', { clientCertificate, proxy })
    expect(stored(world)).not.toContain('canary')
    expect(stored(world)).not.toContain('PRIVATE KEY')
    expect(stored(world)).not.toContain(Buffer.from('canary').toString('hex').toUpperCase())
  })

  test('is deleted with its proxy or certificate, and never used with another', () => {
    using world = new World()
    world.set('quay.io', { clientCertificate, proxy })
    world.set('quay.io', { proxy: { url: 'http://other.example:3128', username: 'me' } })
    const place = world.locations('quay.io/x')[0]
    expect(place?.route?.proxy?.authorization).toBe(`Basic ${Buffer.from('me:').toString('base64')}`)
    world.set('quay.io', { clientCertificate: null, proxy: null })
    expect(world.locations('quay.io/x')[0]?.route).toBeUndefined()
    expect(world.db.prepare('select id from registry_secrets').tuples()).toEqual([])
  })

  test.each([
    ['another proxy', `update registry_configurations set proxy_url = 'http://evil.example:1'`],
    ['another user', `update registry_configurations set proxy_username = 'you'`],
    ['another registry', `update registry_configurations set registry = 'evil.example'`],
    ['the other kind', `update registry_secrets set kind = 'CLIENT_KEY'`],
  ])('does not open after a change in the database: %s', (_, change) => {
    using world = new World()
    world.set('quay.io', { proxy })
    world.db.prepare(change).run()
    const store = world.storeWith(sealerOf(world.key))
    for (const registry of ['quay.io', 'evil.example']) {
      const plan = store.rules().planOf(registry, 'x')
      const [place] = 'locations' in plan ? plan.locations : []
      expect(place?.route?.proxy?.authorization ?? '').not.toContain(Buffer.from('canary').toString('base64'))
      if (place?.route) expect(place.problem).toMatch(/quay.io|evil.example/)
    }
  })

  test('is sealed again by a key rotation, which needs the old key', () => {
    using world = new World()
    world.set('quay.io', { clientCertificate, proxy })
    const added = newSealingKey()
    const rotate = (keys: string[], lost: string | null = null) => {
      const vaults = [registrySecretVault(world.db)]
      return rotateKeys({ db: world.db, sealer: sealerOf(...keys), vaults, source: 'the test', lost })
    }
    const before = world.plan('quay.io/x')
    expect(() => rotate([added])).toThrow('2 registry secrets are sealed with the key')
    expect(rotate([added, world.key])).toEqual({ resealed: 2, deleted: 0 })
    expect(world.storeWith(sealerOf(added)).rules().planOf('quay.io', 'x')).toEqual(before)

    const lost = sealerOf(added).keyId
    expect(rotate([newSealingKey()], lost)).toEqual({ resealed: 0, deleted: 2 })
    const plan = world.storeWith(sealerOf(world.key)).rules().planOf('quay.io', 'x')
    expect('locations' in plan && plan.locations[0]?.problem).toBe(
      'a secret of the configuration of quay.io is lost: set it again',
    )
  })
})

describe('an invalid value', () => {
  test.each([
    ['team', 'a path without a registry'],
    ['https://quay.io', 'a scheme'],
    ['quay.io/Team', 'capitals in a path'],
    ['quay.io/../x', 'dots'],
    ['me@quay.io', 'a login'],
    ['quay.io\r\nhost: evil', 'another line'],
    ['', 'nothing'],
  ])('is the prefix %j: %s', (prefix) => {
    const { field, message } = refused({}, prefix)
    expect(field).toBe('prefix')
    expect(message).toContain('must be a registry, or a registry and a path, without a scheme')
  })

  test.each<[field: string, message: string, input: ConfigurationInput]>([
    ['location', 'without a scheme', { location: 'https://mirror.example' }],
    ['location', 'must be a registry', { location: '' }],
    [
      'mirrors.1.location',
      'without a scheme',
      { mirrors: [{ location: 'a.b' }, { location: 'http://c.d' }] },
    ],
    ['mirrors.1.location', 'is listed twice', { mirrors: [{ location: 'a.b' }, { location: 'A.b:443' }] }],
    ['mirrors', 'at most 10', { mirrors: Array.from({ length: 11 }, (_, n) => ({ location: `m${n}.b` })) }],
    ['ca', 'must be one or more certificates in PEM', { ca: 'hello' }],
    ['ca', 'must be one or more certificates in PEM', { ca: '' }],
    ['ca', 'contains a private key', { ca: authority.ca + client.key }],
    [
      'ca',
      'certificate 2 of ca cannot be read',
      { ca: `${authority.ca}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
    ],
    ['ca', 'at most', { ca: authority.ca.repeat(2000) }],
    ['proxy.url', 'must not contain a login', { proxy: { url: 'http://me:canary@proxy.example:3128' } }],
    ['proxy.url', 'must be http://, a host and a port', { proxy: { url: 'https://proxy.example' } }],
    ['proxy.url', 'must be http://, a host and a port', { proxy: { url: 'proxy.example:canary' } }],
    ['proxy.url', 'must be http://, a host and a port', { proxy: { url: 'http://proxy.example/canary' } }],
    ['proxy.username', 'a password needs a username', { proxy: { url: proxy.url, password: 'canary' } }],
    ['proxy.username', 'without colons', { proxy: { ...proxy, username: 'me:you' } }],
    ['concurrency', 'from 1 to 256', { concurrency: 0 }],
    ['concurrency', 'from 1 to 256', { concurrency: 257 }],
    ['requestsPerSecond', 'from 0.01 to 10000', { requestsPerSecond: 0 }],
    ['requestsPerSecond', 'from 0.01 to 10000', { requestsPerSecond: Number.NaN }],
    ['apiUrl', 'without a login', { apiUrl: 'https://me:canary@gitlab.example' }],
    ['apiUrl', 'an http or https URL', { apiUrl: 'file:///etc/canary' }],
  ])('%s: %s', (field, message, input) => {
    const error = refused(input)
    expect(error.field).toBe(field)
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('canary')
  })

  test.each([['concurrency' as const], ['requestsPerSecond' as const]])(
    'is %s for a part of a registry',
    (field) => {
      const error = refused({ [field]: 5 }, 'quay.io/team')
      expect(error).toMatchObject({
        field,
        message: `${field} applies to a whole registry: set it without a path`,
      })
    },
  )
})

describe('a client certificate', () => {
  const refusedKey = (key: string) => refused({ clientCertificate: { certificate: client.cert, key } })

  test('is accepted with its chain, and with a key in another format', () => {
    using world = new World()
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(publicKey.type).toBe('public')
    const certificate = `Bag Attributes\n${client.cert}\nintermediate\n${authority.ca}`
    const taken = world.set('quay.io', { clientCertificate: { certificate, key: client.key } })
    expect(taken.clientCertificate?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
    expect(taken.clientCertificate).not.toContain('Bag')
    const other = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
    expect(refusedKey(other).message).toContain('the key does not belong to the first certificate')
  })

  test('is refused with an encrypted, truncated or invalid key, which is not repeated', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const encrypted = privateKey.export({
      ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    } as never) as unknown as string
    const lines = client.key.split('\n')
    for (const [key, message] of [
      [encrypted, 'must not be encrypted'],
      [lines.slice(0, 2).join('\n'), 'cannot be read as a private key'],
      ['canary', 'must be a private key in PEM'],
      [client.cert, 'must be a private key in PEM'],
    ] as const) {
      const error = refusedKey(key)
      expect(error.field).toBe('clientCertificate.key')
      expect(error.message).toContain(message)
      expect(error.message).not.toContain(lines[1])
    }
  })

  test('is refused when it has expired', async () => {
    const expired = await authority.issueClient('late', { expired: true })
    const error = refused({ clientCertificate: { certificate: expired.cert, key: expired.key } })
    expect(error.message).toContain('the certificate of CN=late expired on')
  })
})

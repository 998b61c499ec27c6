import { describe, expect, test } from 'vitest'
import { decisionsOf, EVERYTHING } from '../../src/access/right/rights.ts'
import type { Role } from '../../src/access/right/role.ts'
import { SYSTEM, type Viewer } from '../../src/access/right/viewer.ts'
import { parseSecret } from '../../src/credentials/credential-input.ts'
import { createRegistryCredentials, MAX_CREDENTIALS } from '../../src/credentials/registry-credentials.ts'
import { credentialVault } from '../../src/credentials/stored-secret.ts'
import { openDatabase } from '../../src/db/open.ts'
import { type Secret, secretWords } from '../../src/logins/registry-login.ts'
import { rotateKeys } from '../../src/secrets/rotate-keys.ts'
import { BrokenSealError, createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys, SealingKeyError } from '../../src/secrets/sealing-key.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'

const ALL = { limit: 1000 }

const START = Date.UTC(2026, 0, 1)
const [OLD, NEW] = [newSealingKey(), newSealingKey()]
const sealerOf = (...keys: string[]) => createSealer(parseSealingKeys(keys.join('\n'), 'the test'))
const password = (text: string): Secret => ({ kind: 'password', username: 'me', password: text })

function open() {
  const db = openDatabase(':memory:')
  const clock = { time: START }
  const storeWith = (...keys: string[]) =>
    createRegistryCredentials({ db, audit: NO_AUDIT, sealer: sealerOf(...keys), now: () => clock.time })
  const store = storeWith(OLD)
  return {
    db,
    clock,
    store,
    storeWith,
    set: (prefix: string, secret = password(prefix), namespace = 'default') =>
      store.set(SYSTEM, { namespace, prefix, secret }),
    secretFor: (repository: string, registry = 'quay.io', namespace = 'default') => {
      const secret = store.find(namespace, registry, repository)?.secret
      return secret ? (secretWords(secret)[0] ?? null) : null
    },
    rows: () =>
      db
        .prepare<{ keyId: string; sealed: Uint8Array }>(
          'select key_id as keyId, sealed from registry_credentials order by id',
        )
        .all(),
    [Symbol.dispose]: () => db[Symbol.dispose](),
  }
}

describe('a credential', () => {
  test('is listed without its secret, by prefix, and keeps its id when it is replaced', () => {
    using it = open()
    it.set('quay.io/team')
    it.set('quay.io')
    it.clock.time += 1000
    it.set('quay.io', { kind: 'identity', username: '', token: 'refresh' })

    expect(it.store.page(SYSTEM, 'default', ALL)).toEqual([
      {
        id: 2,
        namespace: 'default',
        registry: 'quay.io',
        path: '',
        kind: 'IDENTITY_TOKEN',
        username: '',
        createdAt: START,
        updatedAt: START + 1000,
        lastUsedAt: null,
        unboundBy: null,
      },
      {
        id: 1,
        namespace: 'default',
        registry: 'quay.io',
        path: 'team',
        kind: 'PASSWORD',
        username: 'me',
        createdAt: START,
        updatedAt: START,
        lastUsedAt: null,
        unboundBy: null,
      },
    ])
    expect(it.store.page(SYSTEM, 'other', ALL)).toEqual([])
    expect(it.secretFor('x')).toBe('refresh')
  })

  test('is chosen by the longest path of whole segments that contains the repository', () => {
    using it = open()
    for (const prefix of ['quay.io', 'quay.io/team', 'quay.io/team/app/deep', 'quay.io/team-b'])
      it.set(prefix)

    expect(it.secretFor('team/app')).toBe('quay.io/team')
    expect(it.secretFor('team')).toBe('quay.io/team')
    expect(it.secretFor('team/app/deep/er')).toBe('quay.io/team/app/deep')
    expect(it.secretFor('team/app/deeper')).toBe('quay.io/team')
    expect(it.secretFor('team-b/x')).toBe('quay.io/team-b')
    expect(it.secretFor('teams/app')).toBe('quay.io')
    expect(it.secretFor('tea')).toBe('quay.io')
  })

  test.each(['quay.io.evil.com', 'quay.io:8443', 'evil.quay.io', 'xquay.io', 'quay.i'])(
    'is not used for a registry with a similar name: %s',
    (registry) => {
      using it = open()
      it.set('quay.io')
      expect(it.secretFor('team/app', registry)).toBeNull()
    },
  )

  test('is used for every name of the registry', () => {
    using it = open()
    it.set('https://index.docker.io/v1/')
    it.set('https://QUAY.io/')

    expect(it.secretFor('library/ruby', 'docker.io')).toBe('https://index.docker.io/v1/')
    expect(it.secretFor('x', 'Quay.IO')).toBe('https://QUAY.io/')
    expect(it.store.page(SYSTEM, 'default', ALL).map(({ registry }) => registry)).toEqual([
      'docker.io',
      'quay.io',
    ])
  })

  test('of one namespace is not used for another', () => {
    using it = open()
    it.set('quay.io', password('ours'), 'ours')

    expect(it.secretFor('x', 'quay.io', 'theirs')).toBeNull()
    expect(it.store.hasAny('ours', 'quay.io')).toBe(true)
    expect(it.store.hasAny('theirs', 'quay.io')).toBe(false)
  })

  test('has a different id for each namespace, prefix and secret', () => {
    using it = open()
    const ids = new Set<string | undefined>()
    for (const [prefix, text, namespace] of [
      ['quay.io', 'a', 'default'],
      ['quay.io', 'b', 'default'],
      ['quay.io/team', 'b', 'default'],
      ['quay.io', 'b', 'other'],
    ] as const) {
      it.set(prefix, password(text), namespace)
      ids.add(it.store.find(namespace, 'quay.io', 'team/app')?.id)
    }
    expect(ids.size).toBe(4)
  })

  test('is no longer used after it is deleted', () => {
    using it = open()
    it.set('quay.io')

    expect(it.store.delete(SYSTEM, { namespace: 'default', prefix: 'quay.io' })).toMatchObject({
      registry: 'quay.io',
    })

    expect(it.secretFor('x')).toBeNull()
    expect(() => it.store.delete(SYSTEM, { namespace: 'default', prefix: 'quay.io' })).toThrow(
      /has no credential for quay.io/,
    )
  })

  test.each([
    '',
    'team',
    'quay.io//team',
    'quay.io/Team',
    'quay.io/team:1',
    'me:secret@quay.io',
    'quay.io:99999',
    'https://',
    'quay.io?x',
    '*.quay.io',
    '../x.y',
  ])('is refused for an invalid prefix, which is not repeated: "%s"', (prefix) => {
    using it = open()
    expect(() => it.set(prefix)).toThrow(expect.objectContaining({ code: 'INVALID', field: 'prefix' }))
    expect(() => it.set(prefix)).not.toThrow(/secret/)
  })

  test('is refused above the limit of its namespace', () => {
    using it = open()
    it.store.setAll(
      SYSTEM,
      'default',
      Array.from({ length: MAX_CREDENTIALS }, (_, at) => ({
        prefix: `quay.io/t${at}`,
        secret: password('x'),
      })),
    )
    it.set('quay.io/t0')
    it.set('quay.io', password('x'), 'other')

    expect(() => it.set('quay.io')).toThrow(`at most ${MAX_CREDENTIALS}`)
  })

  test('is not set when another of the same call is refused', () => {
    using it = open()
    const secret = password('x')
    expect(() =>
      it.store.setAll(SYSTEM, 'default', [
        { prefix: 'quay.io', secret },
        { prefix: 'nonsense', secret },
      ]),
    ).toThrow(/prefix must be/)
    expect(it.store.page(SYSTEM, 'default', ALL)).toEqual([])
  })
})

describe('a secret', () => {
  test.each([
    [{}, 'password'],
    [{ username: 'me' }, 'password'],
    [{ password: 'x' }, 'username'],
    [{ username: 'm:e', password: 'x' }, 'username'],
    [{ username: 'm\ne', password: 'x' }, 'username'],
    [{ username: 'me', password: '' }, 'password'],
    [{ username: 'me', password: 'x'.repeat(16 * 1024 + 1) }, 'password'],
    [{ username: 'me', password: 'x', identityToken: 'y' }, 'identityToken'],
    [{ identityToken: 'swordfish\r\nx: y' }, 'identityToken'],
    [{ bearerToken: 'sword fish' }, 'bearerToken'],
    [{ bearerToken: 'x', username: 'me' }, 'username'],
  ])('is refused when it cannot be sent, and not repeated: %j', (input, field) => {
    expect(() => parseSecret(input)).toThrow(expect.objectContaining({ code: 'INVALID', field }))
    expect(() => parseSecret(input)).not.toThrow(/fish/)
  })

  test('can be a service account key with line breaks', () => {
    const key = '{\n  "private_key": "-----BEGIN…"\n}\n'
    expect(parseSecret({ username: '_json_key', password: key })).toEqual({
      kind: 'password',
      username: '_json_key',
      password: key,
    })
  })
})

describe('a stored secret', () => {
  test.each([
    ['namespace', "update registry_credentials set namespace = 'default' where namespace = 'rich'"],
    ['registry', "update registry_credentials set registry = 'evil.example' where namespace = 'rich'"],
    ['path', "update registry_credentials set path = 'team' where namespace = 'rich'"],
    ['kind', "update registry_credentials set kind = 'BEARER_TOKEN' where namespace = 'rich'"],
    ['user name', "update registry_credentials set username = 'you' where namespace = 'rich'"],
  ])('does not open with another %s', (_what, sql) => {
    using it = open()
    it.set('quay.io', password('x'), 'rich')
    it.db.prepare(sql).run()

    const [namespace, registry] =
      ['default', 'rich']
        .flatMap((name) => it.store.page(SYSTEM, name, ALL))
        .map((row) => [row.namespace, row.registry])[0] ?? []

    expect(() => it.store.find(namespace ?? '', registry ?? '', 'team/app')).toThrow(BrokenSealError)
  })

  test('does not open when rows are swapped', () => {
    using it = open()
    it.set('quay.io', password('mine'))
    it.set('evil.example', password('theirs'))
    const [mine, theirs] = it.rows()
    const put = it.db.prepare('update registry_credentials set sealed = ? where registry = ?')
    put.run(mine?.sealed ?? null, 'evil.example')
    put.run(theirs?.sealed ?? null, 'quay.io')

    expect(() => it.secretFor('x', 'evil.example')).toThrow(
      'the credential of default for evil.example cannot be used: the stored secret was changed',
    )
  })
})

describe('a key rotation', () => {
  const rotate = (it: ReturnType<typeof open>, keys: string[], lost: string | null = null) =>
    rotateKeys({
      db: it.db,
      sealer: sealerOf(...keys),
      vaults: [credentialVault(it.db)],
      source: 'the test',
      lost,
    })

  test('seals every secret with the first key, once', () => {
    using it = open()
    for (const prefix of ['quay.io', 'ghcr.io']) it.set(prefix)

    expect(rotate(it, [NEW, OLD])).toEqual({ resealed: 2, deleted: 0 })
    expect(rotate(it, [NEW, OLD])).toEqual({ resealed: 0, deleted: 0 })

    const renewed = it.storeWith(NEW)
    expect(renewed.find('default', 'ghcr.io', 'x')?.secret).toEqual(password('ghcr.io'))
    expect(() => it.secretFor('x')).toThrow(BrokenSealError)
    expect(renewed.page(SYSTEM, 'default', ALL).map(({ updatedAt }) => updatedAt)).toEqual([START, START])
  })

  test('is refused without the old key, and changes nothing', () => {
    using it = open()
    it.set('quay.io')
    const before = it.rows()

    expect(() => rotate(it, [NEW])).toThrow(SealingKeyError)
    expect(() => rotate(it, [NEW])).toThrow(
      `1 registry credential is sealed with the key ${before[0]?.keyId}, which is not in the test; nothing was changed`,
    )

    expect(it.rows()).toEqual(before)
    expect(it.secretFor('x')).toBe('quay.io')
  })

  test('deletes the secrets of the lost key, and none that a present key opens', () => {
    using it = open()
    it.set('quay.io')
    const [{ keyId } = { keyId: '' }] = it.rows()

    expect(rotate(it, [OLD], keyId)).toEqual({ resealed: 0, deleted: 0 })
    expect(() => rotate(it, [NEW], '0123456789abcdef')).toThrow(SealingKeyError)
    expect(rotate(it, [NEW], keyId)).toEqual({ resealed: 0, deleted: 1 })
    expect(it.store.page(SYSTEM, 'default', ALL)).toEqual([])
  })

  test('changes nothing when one secret does not open', () => {
    using it = open()
    for (const prefix of ['quay.io', 'ghcr.io']) it.set(prefix)
    it.db.prepare("update registry_credentials set path = 'team' where registry = 'ghcr.io'").run()
    const before = it.rows()

    expect(() => rotate(it, [NEW, OLD])).toThrow(
      /the credential of default for ghcr.io\/team cannot be sealed with a new key/,
    )

    expect(it.rows()).toEqual(before)
  })
})

describe('a viewer', () => {
  const member = (role: Role): Viewer => ({
    ...SYSTEM,
    id: 'user:1',
    rights: {
      ...EVERYTHING,
      isServerAdmin: false,
      ...decisionsOf([{ role, namespace: 'team', streams: '*' }]),
    },
  })

  test('with the right in one namespace reads and changes the credentials of that namespace alone', () => {
    using it = open()
    const editor = member('EDITOR')
    it.set('quay.io', password('theirs'), 'other')
    const { id } = it.store.page(SYSTEM, null, ALL)[0] ?? { id: 0 }
    const place = { namespace: 'team', prefix: 'ghcr.io' }
    it.store.set(editor, { ...place, secret: password('ours') })

    expect(it.store.page(editor, null, ALL).map(({ registry }) => registry)).toEqual(['ghcr.io'])
    expect(it.store.count(editor, null)).toBe(1)
    expect(it.store.byId(editor, id)).toBeUndefined()
    const foreign = { namespace: 'other', prefix: 'quay.io' }
    for (const refused of [
      () => it.store.page(editor, 'other', ALL),
      () => it.store.count(editor, 'other'),
      () => it.store.at(editor, foreign),
      () => it.store.delete(editor, foreign),
      () => it.store.set(editor, { ...foreign, secret: password('x') }),
      () => it.store.setAll(editor, 'other', []),
    ]) {
      expect(refused).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
    }
    expect(it.store.delete(editor, place)).toMatchObject({ registry: 'ghcr.io' })
  })

  test('without the right does not see the credentials that its imports use', () => {
    using it = open()
    it.set('quay.io', password('ours'), 'team')
    expect(it.store.page(member('IMPORTER'), null, ALL)).toEqual([])
    expect(it.store.count(member('IMPORTER'), null)).toBe(0)
  })
})

describe('an unbound credential', () => {
  test('is not opened until it is set again', () => {
    using it = open()
    it.set('quay.io')
    it.set('ghcr.io')
    const unbound = it.db.transact((tx) =>
      it.store.unbind(tx, { by: 'quay.io/team', isAffected: (registry) => registry === 'quay.io' }),
    )

    expect(unbound).toBe(1)
    expect(() => it.secretFor('team/app')).toThrow(
      'the credential of default for quay.io is not sent: the configuration of quay.io/team',
    )
    expect(it.secretFor('team/app', 'ghcr.io')).toBe('ghcr.io')
    expect(it.store.at(SYSTEM, { namespace: 'default', prefix: 'quay.io' })?.unboundBy).toBe('quay.io/team')
    it.set('quay.io')
    expect(it.secretFor('team/app')).toBe('quay.io')
  })
})

import { ne, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { credentialVault } from '../../src/credentials/stored-secret.ts'
import { openDatabase } from '../../src/db/open.ts'
import { receiverSecrets, receivers } from '../../src/db/tables/receiver.ts'
import {
  registryConfigurations,
  registryCredentials,
  registrySecrets,
} from '../../src/db/tables/registry-config.ts'
import { receiverVault } from '../../src/receivers/secrets.ts'
import { registrySecretVault } from '../../src/registry-config/secrets.ts'
import { rotateKeys } from '../../src/secrets/rotate-keys.ts'
import { createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys } from '../../src/secrets/sealing-key.ts'

const sealed = { keyId: '0123456789abcdef', sealed: Buffer.from('sealed') }
const times = { createdAt: 1, updatedAt: 2 }

/** A database with one secret of each kind. */
function open() {
  const db = openDatabase(':memory:')
  const { orm } = db
  orm
    .insert(registryCredentials)
    .values({
      ...{ namespace: 'team', registry: 'quay.io', path: 'app', kind: 'PASSWORD', username: 'me' },
      ...sealed,
      ...times,
    })
    .run()
  orm
    .insert(registryConfigurations)
    .values({
      ...{ id: 1, registry: 'ghcr.io', path: 'org', clientCertificate: 'PEM' },
      ...{ proxyUrl: 'http://proxy.example:3128', proxyUsername: 'you' },
      ...times,
    })
    .run()
  orm
    .insert(registrySecrets)
    .values([
      { configurationId: 1, kind: 'CLIENT_KEY', ...sealed },
      { configurationId: 1, kind: 'PROXY_PASSWORD', ...sealed },
    ])
    .run()
  orm
    .insert(receivers)
    .values({
      ...{ id: 1, key: 'the-key', namespace: 'team', sender: 'QUAY', registry: 'quay.io' },
      ...{ aliases: '[]', repositories: '[]', settings: '{}', enabled: 1 },
      ...times,
    })
    .run()
  orm
    .insert(receiverSecrets)
    .values({ receiverId: 1, ...sealed, createdAt: 7 })
    .run()
  return db
}

describe('the vaults', () => {
  // stored secrets open only with exactly these strings
  test('bind secrets to the same strings as all earlier versions', () => {
    using db = open()
    const found = [credentialVault(db), registrySecretVault(db), receiverVault(db)].flatMap((vault) =>
      vault.secrets(sql`true`).map(({ name, boundTo }) => [name, boundTo]),
    )
    expect(found).toEqual([
      [
        'the credential of team for quay.io/app',
        ['registry credential', 'team', 'quay.io', 'app', 'PASSWORD', 'me'],
      ],
      [
        'the client key of the configuration of ghcr.io/org',
        ['registry client key', 'ghcr.io', 'org', 'PEM'],
      ],
      [
        'the proxy password of the configuration of ghcr.io/org',
        ['registry proxy password', 'ghcr.io', 'org', 'http://proxy.example:3128', 'you'],
      ],
      ['the secret of a receiver of team', ['webhook secret', 'the-key', '7']],
    ])
  })

  test('count secrets by key, and find those of other keys', () => {
    using db = open()
    const vault = registrySecretVault(db)
    const sealer = createSealer(parseSealingKeys(newSealingKey(), 'the test'))
    const rotate = (lost: string | null) =>
      rotateKeys({ db, sealer, vaults: [vault], source: 'the test', lost })
    expect(() => rotate(null)).toThrow(`2 registry secrets are sealed with the key ${sealed.keyId}`)
    expect(vault.secrets(ne(registrySecrets.keyId, sealed.keyId))).toEqual([])
    expect(rotate(sealed.keyId)).toEqual({ resealed: 0, deleted: 2 })
  })
})

test('a secret that an earlier version sealed still opens', () => {
  const key = Buffer.alloc(32, 7).toString('base64')
  const sealer = createSealer(parseSealingKeys(key, 'the test'))
  const stored = {
    keyId: sealer.keyId,
    bytes: Buffer.from(
      'cb60202dccaf9191c9e6c4d508b705bd1a55065e96db6aa39c1564341c13186b83033e24215d16',
      'hex',
    ),
  }
  expect(sealer.open(stored, ['registry credential', 'team', 'quay.io', '', 'PASSWORD', 'me'])).toBe(
    'open sesame',
  )
})

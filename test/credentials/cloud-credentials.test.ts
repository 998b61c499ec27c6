import { describe, expect, test } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { parseSecret, type SecretInput } from '../../src/credentials/credential-input.ts'
import { createRegistryCredentials } from '../../src/credentials/registry-credentials.ts'
import { credentialVault } from '../../src/credentials/stored-secret.ts'
import { openDatabase } from '../../src/db/open.ts'
import { rotateKeys } from '../../src/secrets/rotate-keys.ts'
import { BrokenSealError, createSealer } from '../../src/secrets/sealer.ts'
import { newSealingKey, parseSealingKeys } from '../../src/secrets/sealing-key.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'
import { serviceAccount } from '../fixtures/service-account-key.ts'

const ALL = { limit: 1000 }

const ACCOUNT = serviceAccount()
const AWS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/canary-fish' }
const AZURE = {
  tenantId: '11111111-2222-3333-4444-555555555555',
  clientId: '66666666-7777-8888-9999-000000000000',
  clientSecret: 'abc8Q~canary-fish',
}
const GOOGLE = { serviceAccountKey: ACCOUNT.key }
const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'

function open() {
  const db = openDatabase(':memory:')
  const [old, first] = [newSealingKey(), newSealingKey()]
  const sealerOf = (...keys: string[]) => createSealer(parseSealingKeys(keys.join('\n'), 'the test'))
  const storeOf = (...keys: string[]) =>
    createRegistryCredentials({ db, audit: NO_AUDIT, sealer: sealerOf(...keys), now: () => 0 })
  let store = storeOf(old)
  return {
    get store() {
      return store
    },
    /** Starts with a new key before the old one, then without the old one. */
    rotate: () => {
      rotateKeys({
        db,
        sealer: sealerOf(first, old),
        vaults: [credentialVault(db)],
        source: 'the test',
        lost: null,
      })
      store = storeOf(first)
    },
    tamper: (sql: string) => db.prepare(sql).run(),
    set: (prefix: string, input: SecretInput) =>
      store.set(SYSTEM, { namespace: 'default', prefix, secret: parseSecret(input) }),
    find: (registry: string) => store.find('default', registry, 'team/app')?.secret,
    sealed: () =>
      db
        .prepare<{ sealed: Uint8Array }>('select sealed from registry_credentials')
        .all()
        .map(({ sealed }) => Buffer.from(sealed).toString('latin1')),
    [Symbol.dispose]: () => db[Symbol.dispose](),
  }
}

describe('a cloud key', () => {
  test.each([
    [ECR, { aws: AWS }, 'AWS_ACCESS_KEY', AWS.accessKeyId],
    ['europe-docker.pkg.dev', { google: GOOGLE }, 'GOOGLE_SERVICE_ACCOUNT', ACCOUNT.email],
    ['team.azurecr.io', { azure: AZURE }, 'AZURE_SERVICE_PRINCIPAL', AZURE.clientId],
  ] as const)('is stored for %s, with its account as username', (prefix, input, kind, username) => {
    using it = open()
    expect(it.set(prefix, input)).toMatchObject({ registry: prefix, kind, username })
    expect(it.find(prefix)).toEqual(parseSecret(input))
  })

  test('opens with the first key after a key rotation, and in no other row', () => {
    using it = open()
    it.set(ECR, { aws: AWS })
    it.rotate()
    expect(it.find(ECR)).toMatchObject({ kind: 'aws', ...AWS })

    it.tamper("update registry_credentials set username = 'AKIAIOSFODNN7ANOTHER'")
    expect(() => it.find(ECR)).toThrow(BrokenSealError)
  })

  test('has all its secret parts sealed', () => {
    using it = open()
    it.set(ECR, { aws: { ...AWS, sessionToken: 'canary-fish-session', region: 'eu-west-1' } })
    it.set('gcr.io', { google: GOOGLE })
    it.set('team.azurecr.io', { azure: { ...AZURE, loginServer: 'Team.azurecr.io' } })

    const stored = it.sealed().join()
    expect(stored).not.toMatch(/fish|PRIVATE|tenant/)
    expect(it.find(ECR)).toMatchObject({ sessionToken: 'canary-fish-session', region: 'eu-west-1' })
    expect(it.find('team.azurecr.io')).toMatchObject({ loginServer: 'team.azurecr.io' })
  })

  test.each([
    [{ aws: AWS, google: GOOGLE }, 'google'],
    [{ password: 'fish', aws: AWS }, 'aws'],
    [{ username: 'me', aws: AWS }, 'username'],
    [{ aws: { ...AWS, accessKeyId: 'fish' } }, 'aws.accessKeyId'],
    [{ aws: { ...AWS, accessKeyId: 'AKIA/canary/fish/more' } }, 'aws.accessKeyId'],
    [{ aws: { ...AWS, secretAccessKey: '' } }, 'aws.secretAccessKey'],
    [{ aws: { ...AWS, secretAccessKey: 'fish\r\nx: y' } }, 'aws.secretAccessKey'],
    [{ aws: { ...AWS, sessionToken: 'x'.repeat(16 * 1024 + 1) } }, 'aws.sessionToken'],
    [{ aws: { ...AWS, accessKeyId: 'ASIAIOSFODNN7EXAMPLE' } }, 'aws.sessionToken'],
    [{ aws: { ...AWS, region: 'fish' } }, 'aws.region'],
    [{ aws: { ...AWS, region: 'eu-west-1.fish.example/#' } }, 'aws.region'],
    [{ azure: { ...AZURE, tenantId: 'common/fish' } }, 'azure.tenantId'],
    [{ azure: { ...AZURE, tenantId: 'fish' } }, 'azure.tenantId'],
    [{ azure: { ...AZURE, clientId: 'fish' } }, 'azure.clientId'],
    [{ azure: { ...AZURE, clientSecret: 'fish fish' } }, 'azure.clientSecret'],
    [{ azure: { ...AZURE, loginServer: 'fish.example' } }, 'azure.loginServer'],
    [{ azure: { ...AZURE, loginServer: 'fish.example/x.azurecr.io' } }, 'azure.loginServer'],
  ])('is refused with the field when it is invalid, and not repeated: %j', (input, field) => {
    expect(() => parseSecret(input)).toThrow(expect.objectContaining({ code: 'INVALID', field }))
    expect(() => parseSecret(input)).not.toThrow(/fish/)
  })

  test.each([
    ['text other than JSON', 'fish'],
    ['another kind of file', serviceAccount({ type: 'authorized_user', refresh_token: 'fish' }).key],
    ['a file that runs a program or fetches a URL', serviceAccount({ type: 'external_account' }).key],
    ['a file without its key', serviceAccount({ private_key: undefined }).key],
    [
      'a key that lost its line ends',
      serviceAccount({ private_key: '-----BEGIN PRIVATE KEY----- fish' }).key,
    ],
    ['an invalid address', serviceAccount({ client_email: 'fish\r\n@x' }).key],
    ['a key for another token server', serviceAccount({ token_uri: 'https://fish.example/token' }).key],
    ['Google’s server without TLS', serviceAccount({ token_uri: 'http://oauth2.googleapis.com/token' }).key],
    [
      'a token_uri that only begins with Google’s',
      serviceAccount({ token_uri: 'https://oauth2.googleapis.com/token@fish.example' }).key,
    ],
    ['another universe', serviceAccount({ universe_domain: 'fish.example' }).key],
    ['a file that is too long', serviceAccount({ note: 'fish'.repeat(5000) }).key],
  ])('of a service account cannot be %s', (_what, serviceAccountKey) => {
    const parse = () => parseSecret({ google: { serviceAccountKey } })
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID', field: 'google.serviceAccountKey' }))
    expect(parse).not.toThrow(/fish/)
  })
})

describe('a registry', () => {
  test.each([
    [ECR, { aws: AWS }],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', { aws: AWS }],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', { aws: AWS }],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', { aws: AWS }],
    ['public.ecr.aws', { aws: AWS }],
    ['registry.example', { aws: { ...AWS, region: 'eu-west-1' } }],
    ['gcr.io', { google: GOOGLE }],
    ['eu.gcr.io/project', { google: GOOGLE }],
    ['europe-west1-docker.pkg.dev/project/repository', { google: GOOGLE }],
    ['team.azurecr.cn', { azure: AZURE }],
    ['team.azurecr.us', { azure: AZURE }],
    ['team.eastus.geo.azurecr.io', { azure: AZURE }],
    ['registry.example', { azure: { ...AZURE, loginServer: 'team.azurecr.io' } }],
  ])('of the cloud accepts its key: %s', (prefix, input) => {
    using it = open()
    expect(() => it.set(prefix, input)).not.toThrow()
  })

  test.each([
    ['quay.io', { aws: AWS }, /^aws is for registries of Amazon: 123456789012\.dkr\.ecr\.eu-west-1/],
    [`${ECR}.evil.example`, { aws: AWS }, /registries of Amazon/],
    ['123456789012.dkr.ecr.eu-west-1.evil.example', { aws: AWS }, /registries of Amazon/],
    ['x.public.ecr.aws', { aws: AWS }, /registries of Amazon/],
    [ECR, { aws: { ...AWS, region: 'us-east-1' } }, /^aws\.region must be eu-west-1 for this registry/],
    ['quay.io', { google: GOOGLE }, /^google is for registries of Google: europe-docker\.pkg\.dev/],
    ['xgcr.io', { google: GOOGLE }, /registries of Google/],
    ['gcr.io.evil.example', { google: GOOGLE }, /registries of Google/],
    ['gcr.io:8443', { google: GOOGLE }, /registries of Google/],
    ['quay.io', { azure: AZURE }, /^azure is for registries of Azure: team\.azurecr\.io/],
    ['team.azurecr.io.evil.example', { azure: AZURE }, /registries of Azure/],
    ['teamazurecr.io', { azure: AZURE }, /registries of Azure/],
  ])('of another vendor does not accept the key: %s', (prefix, input, message) => {
    using it = open()
    expect(() => it.set(prefix, input)).toThrow(message)
    expect(it.store.page(SYSTEM, 'default', ALL)).toEqual([])
  })
})

import type { Database } from '../db/open.ts'
import { formatPrefix } from '../logins/registry-login.ts'
import type { RegistryConfiguration } from './configuration.ts'

/** What is stored in place of a secret. */
export interface Sealed {
  readonly keyId: string
  readonly bytes: Uint8Array
}

/** Seals what is stored; what is bound to something opens with nothing else. */
export interface Sealer {
  seal(secret: string, boundTo: readonly string[]): Sealed
  /** Throws where it cannot be opened. */
  open(sealed: Sealed, boundTo: readonly string[]): string
}

type SecretKind = 'CLIENT_KEY' | 'PROXY_PASSWORD'
type Owner = Pick<RegistryConfiguration, 'id' | 'registry' | 'path' | 'clientCertificate' | 'proxy'>

/**
 * A key is bound to its certificate and a password to its proxy, and both to their configuration: whoever can write to
 * the database cannot have them shown to somebody else.
 */
const boundTo = ({ registry, path, clientCertificate, proxy }: Owner, kind: SecretKind): string[] =>
  kind === 'CLIENT_KEY'
    ? ['registry client key', registry, path, clientCertificate ?? '']
    : ['registry proxy password', registry, path, proxy?.url ?? '', proxy?.username ?? '']

/** The secrets of configurations, sealed. */
export interface Secrets {
  /** Keeps it in place of one that was there; null keeps none. */
  keep(owner: Owner, kind: SecretKind, secret: string | null): void
  /** Null where there is none. Throws where it cannot be opened; the message says of what and why. */
  open(owner: Owner, kind: SecretKind): string | null
}

interface Row extends Sealed {
  readonly id: number
  readonly kind: SecretKind
}

export function createSecrets(db: Database, sealer: Sealer): Secrets {
  const insert = db.prepare(
    'insert into registry_secrets (key_id, sealed, configuration_id, kind) values (?, ?, ?, ?)',
  )
  const remove = db.prepare('delete from registry_secrets where configuration_id = ? and kind = ?')
  const find = db.prepare<Row>(
    `select id, kind, key_id as keyId, sealed as bytes from registry_secrets
     where configuration_id = ? and kind = ?`,
  )
  return {
    keep(owner, kind, secret) {
      remove.run(owner.id, kind)
      if (secret === null) return
      const { keyId, bytes } = sealer.seal(secret, boundTo(owner, kind))
      insert.run(keyId, bytes, owner.id, kind)
    },
    open(owner, kind) {
      const sealed = find.get(owner.id, kind)
      if (!sealed) return null
      try {
        return sealer.open(sealed, boundTo(owner, kind))
      } catch (error) {
        throw new Error(
          `${nameOf(owner, kind)} cannot be used: ${error instanceof Error ? error.message : ''}`,
        )
      }
    },
  }
}

const nameOf = (owner: Pick<Owner, 'registry' | 'path'>, kind: SecretKind): string =>
  `the ${kind === 'CLIENT_KEY' ? 'client key' : 'proxy password'} of the configuration of ${formatPrefix(owner)}`

/** For whoever takes over the keys that a server is started with. */
export function secretVault(db: Database) {
  const keys = db.prepare<{ keyId: string; count: number }>(
    'select key_id as keyId, count(*) as count from registry_secrets group by key_id order by key_id',
  )
  const others = db.prepare<
    Row &
      Pick<Owner, 'registry' | 'path' | 'clientCertificate'> & {
        proxyUrl: string | null
        proxyUsername: string | null
      }
  >(
    `select s.id, s.kind, s.key_id as keyId, s.sealed as bytes, c.registry, c.path,
       c.client_certificate as clientCertificate, c.proxy_url as proxyUrl, c.proxy_username as proxyUsername
     from registry_secrets s join registry_configurations c on c.id = s.configuration_id
     where s.key_id <> ? order by s.id`,
  )
  const reseal = db.prepare('update registry_secrets set key_id = ?, sealed = ? where id = ?')
  const remove = db.prepare('delete from registry_secrets where key_id = ?')
  return {
    noun: 'registry secret',
    keys: () => keys.all(),
    sealedByOthers: (keyId: string) =>
      others.all(keyId).map(({ id, kind, keyId, bytes, proxyUrl, proxyUsername, ...place }) => {
        const owner = {
          ...place,
          id,
          proxy: proxyUrl === null ? null : { url: proxyUrl, username: proxyUsername },
        }
        return {
          name: nameOf(owner, kind),
          sealed: { keyId, bytes },
          boundTo: boundTo(owner, kind),
          replace: (sealed: Sealed) => void reseal.run(sealed.keyId, sealed.bytes, id),
        }
      }),
    forget: (keyId: string) => remove.run(keyId).changes,
  }
}

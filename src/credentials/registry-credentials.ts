import { createHash } from 'node:crypto'
import type { Database } from '../db/open.ts'
import type { registryCredentials } from '../db/tables/access.ts'
import type { Transaction } from '../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import {
  formatPrefix,
  pathsAbove,
  type RegistryPrefix,
  type Secret,
  splitPrefix,
} from '../logins/registry-login.ts'
import { BrokenSealError } from '../secrets/errors.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { checkNamespace, checkSecret, parsePrefix } from './credential-input.ts'
import { createCredentialUses } from './credential-uses.ts'
import { secretOfStored, storedOf } from './stored-secret.ts'

type Row = typeof registryCredentials.$inferSelect

/** A credential as everybody may see it: without its secret, which nobody gets back. */
export interface RegistryCredential
  extends Pick<
    Row,
    'id' | 'namespace' | 'registry' | 'path' | 'kind' | 'username' | 'createdAt' | 'updatedAt' | 'lastUsedAt'
  > {}

/** A credential to be shown to a registry. */
export interface OpenedCredential {
  /** Tells one credential from another, without telling anything of it; changes with the secret. */
  readonly id: string
  readonly secret: Secret
  /** To be called whenever a registry is shown it. */
  readonly onUsed: () => void
}

/** The credentials of namespaces for registries, or parts of them. Disposing writes when they were used. */
export interface RegistryCredentials extends Disposable {
  /** By registry and path. */
  ofNamespace(namespace: string): RegistryCredential[]
  /** Keeps the secret for what lies below the prefix, in place of one that was there. Throws InvalidInputError. */
  set(input: SetCredential): RegistryCredential
  /** The same for several: all of them or none. */
  setAll(inputs: readonly SetCredential[]): RegistryCredential[]
  /** What it was. Throws NotFoundError, InvalidInputError. */
  delete(place: { readonly namespace: string; readonly prefix: string }): RegistryCredential
  /** The one that was set for the prefix. Throws NotFoundError, InvalidInputError, BrokenSealError. */
  open(place: { readonly namespace: string; readonly prefix: string }): OpenedCredential
  /** The namespace's own for the repository, by the longest path; null where there is none. Throws BrokenSealError. */
  find(namespace: string, registry: string, repository: string): OpenedCredential | null
  /** Whether the namespace has any for the registry. */
  isKnown(namespace: string, registry: string): boolean
}

export interface SetCredential {
  readonly namespace: string
  readonly prefix: string
  readonly secret: Secret
}

export interface RegistryCredentialsDependencies {
  readonly db: Database
  readonly sealer: Sealer
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told when it could not be written that credentials were used. */
  readonly onError?: (error: unknown) => void
}

/** Credentials of one namespace: they are listed whole. */
export const MAX_CREDENTIALS = 500

const SHOWN =
  'id, namespace, registry, path, kind, username, created_at as createdAt, updated_at as updatedAt, last_used_at as lastUsedAt'
const SEALED = 'key_id as keyId, sealed'

/** What a row's secret is sealed into: it opens in no other row, nor under another kind or name. */
export const boundTo = (
  row: Pick<Row, 'namespace' | 'registry' | 'path' | 'kind' | 'username'>,
): string[] => ['registry credential', row.namespace, row.registry, row.path, row.kind, row.username]

export function createRegistryCredentials({
  db,
  sealer,
  now,
  onError,
}: RegistryCredentialsDependencies): RegistryCredentials {
  const uses = createCredentialUses({ db, now, onError })
  const ofNamespace = db.prepare<RegistryCredential>(
    `select ${SHOWN} from registry_credentials where namespace = ? order by registry, path`,
  )
  const count = db.prepare<{ count: number }>(
    'select count(*) as count from registry_credentials where namespace = ?',
  )
  const at = db.prepare<RegistryCredential>(
    `select ${SHOWN} from registry_credentials where namespace = ? and registry = ? and path = ?`,
  )
  // no upsert: a row that is replaced keeps its id and its beginning
  const insert = db.prepare(
    `insert into registry_credentials
      (kind, username, key_id, sealed, updated_at, created_at, namespace, registry, path)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const update = db.prepare(
    'update registry_credentials set kind = ?, username = ?, key_id = ?, sealed = ?, updated_at = ?, last_used_at = null where id = ?',
  )
  const remove = db.prepare('delete from registry_credentials where id = ?')
  const longest = db.prepare<Row>(
    `select ${SHOWN}, ${SEALED} from registry_credentials
     where namespace = ? and registry = ? and path in (select value from json_each(?))
     order by length(path) desc limit 1`,
  )
  const any = db.prepare<{ one: number }>(
    'select 1 as one from registry_credentials where namespace = ? and registry = ? limit 1',
  )

  const placed = (namespace: string, { registry, path }: RegistryPrefix): RegistryCredential | undefined =>
    at.get(namespace, registry, path)

  const write = (_tx: Transaction, { namespace, prefix, secret }: SetCredential): RegistryCredential => {
    checkNamespace(namespace)
    const place = parsePrefix(prefix)
    checkSecret(secret, place)
    const existing = placed(namespace, place)
    if (!existing && (count.get(namespace)?.count ?? 0) >= MAX_CREDENTIALS) {
      throw new InvalidInputError('prefix', `a namespace has at most ${MAX_CREDENTIALS} credentials`)
    }
    const { kind, username, text } = storedOf(secret)
    const { keyId, bytes } = sealer.seal(text, boundTo({ namespace, ...place, kind, username }))
    const time = now()
    if (existing) update.run(kind, username, keyId, bytes, time, existing.id)
    else insert.run(kind, username, keyId, bytes, time, time, namespace, place.registry, place.path)
    const written = placed(namespace, place)
    if (!written) throw new Error('a credential that was just written is not there')
    return written
  }

  const opened = (row: Row): OpenedCredential => {
    const secret = secretOfStored({ ...row, text: openedText(sealer, row) })
    const told = JSON.stringify([row.namespace, row.registry, row.path, secret])
    const id = createHash('sha256').update(told).digest('base64url')
    return { id, secret, onUsed: () => uses.note(row) }
  }

  return {
    ofNamespace: (namespace) =>
      ofNamespace.all(namespace).map((row) => ({ ...row, lastUsedAt: uses.lastOf(row) })),

    set: (input) => db.transact((tx) => write(tx, input)),

    setAll: (inputs) => db.transact((tx) => inputs.map((input) => write(tx, input))),

    delete: ({ namespace, prefix }) =>
      db.transact(() => {
        checkNamespace(namespace)
        const place = parsePrefix(prefix)
        const existing = placed(namespace, place)
        if (!existing) throw unknown(namespace, place)
        remove.run(existing.id)
        return { ...existing, lastUsedAt: uses.lastOf(existing) }
      }),

    open({ namespace, prefix }) {
      checkNamespace(namespace)
      const place = parsePrefix(prefix)
      const row = longest.get(namespace, place.registry, JSON.stringify([place.path]))
      if (!row) throw unknown(namespace, place)
      return opened(row)
    },

    find(namespace, name, repository) {
      const { registry } = splitPrefix(name)
      const row = longest.get(namespace, registry, JSON.stringify([...pathsAbove(repository)]))
      return row ? opened(row) : null
    },

    isKnown: (namespace, name) => any.get(namespace, splitPrefix(name).registry) !== undefined,

    [Symbol.dispose]: () => uses[Symbol.dispose](),
  }
}

const unknown = (namespace: string, place: RegistryPrefix) =>
  new NotFoundError(`${namespace} has no credential for ${formatPrefix(place)}`)

function openedText(sealer: Sealer, row: Row): string {
  try {
    return sealer.open({ keyId: row.keyId, bytes: row.sealed }, boundTo(row))
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    const which = `the credential of ${row.namespace} for ${formatPrefix(row)}`
    throw new BrokenSealError(`${which} cannot be used: ${error.message}`)
  }
}

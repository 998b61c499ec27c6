import { createHash } from 'node:crypto'
import type { Transaction } from '../db/transact.ts'
import { createValueSteps } from '../db/value-steps.ts'
import { InvalidInputError, NotFoundError } from '../input/errors.ts'
import type { KeysetPage } from '../input/page.ts'
import { formatPrefix, type RegistryPrefix, type Secret, splitPrefix } from '../logins/registry-login.ts'
import { openNamed, type Sealer } from '../secrets/sealer.ts'
import { checkCredentialNamespace, checkSecret, parsePrefix } from './credential-input.ts'
import { CredentialRows, type RegistryCredential } from './credential-rows.ts'
import { type CredentialUsesDependencies, createCredentialUses } from './credential-uses.ts'
import { boundTo, type CredentialRow, sealedSecretOf, secretOfStored, storedOf } from './stored-secret.ts'

/** A credential with its secret, to be sent to a registry. */
export interface OpenedCredential {
  /** Hash of namespace, prefix and secret: identifies the credential without revealing it, and changes with the secret. */
  readonly id: string
  readonly secret: Secret
  /** Records a use. To be called each time when the credential is sent to a registry. */
  readonly onUsed: () => void
}

/** A prefix in a namespace. */
export interface CredentialPlace {
  readonly namespace: string
  /** `quay.io` or `quay.io/team`. */
  readonly prefix: string
}

/** A credential to set. */
export interface SetCredential extends CredentialPlace {
  readonly secret: Secret
}

/** Credentials of a list. */
export interface CredentialFilter {
  /** Undefined for all namespaces. */
  readonly namespace?: string | undefined
}

/** The credentials of namespaces for registries and for parts of them. Disposing writes the times of their last use. */
export type RegistryCredentials = ReturnType<typeof createRegistryCredentials>

/** Most credentials of one namespace. */
export const MAX_CREDENTIALS = 500

export function createRegistryCredentials({
  sealer,
  ...dependencies
}: CredentialUsesDependencies & { readonly sealer: Sealer }) {
  const { db, now } = dependencies
  const rows = new CredentialRows(db)
  const uses = createCredentialUses(dependencies)

  const write = (_tx: Transaction, { namespace, prefix, secret }: SetCredential): RegistryCredential => {
    const place = parsePlace({ namespace, prefix })
    checkSecret(secret, place)
    if (!rows.sealedAt(namespace, place) && rows.count(namespace) >= MAX_CREDENTIALS) {
      throw new InvalidInputError('prefix', `a namespace has at most ${MAX_CREDENTIALS} credentials`)
    }
    const { kind, username, text } = storedOf(secret)
    const { keyId, bytes } = sealer.seal(text, boundTo({ namespace, ...place, kind, username }))
    return rows.set({ namespace, ...place }, { kind, username, keyId, sealed: bytes, updatedAt: now() })
  }

  const opened = (row: CredentialRow): OpenedCredential => {
    const secret = secretOfStored({ ...row, text: openNamed(sealer, sealedSecretOf(row)) })
    const identity = JSON.stringify([row.namespace, row.registry, row.path, secret])
    const id = createHash('sha256').update(identity).digest('base64url')
    return { id, secret, onUsed: () => uses.note(row) }
  }

  const withLastUse = (row: RegistryCredential): RegistryCredential => ({
    ...row,
    lastUsedAt: uses.lastOf(row),
  })

  return {
    /** The namespaces of the credentials. */
    namespaces: createValueSteps(db, {
      ...{ table: 'registry_credentials', column: 'namespace', index: 'registry_credentials_by_prefix' },
    }),

    /** Returns a page of credentials by namespace, registry and path, which are its keys. Throws InvalidInputError. */
    list({ namespace }: CredentialFilter, page: KeysetPage): RegistryCredential[] {
      if (namespace !== undefined) checkCredentialNamespace(namespace)
      return rows.list(namespace, page).map(withLastUse)
    },

    /** Returns the number of credentials. Throws InvalidInputError. */
    count({ namespace }: CredentialFilter): number {
      if (namespace !== undefined) checkCredentialNamespace(namespace)
      return rows.count(namespace)
    },

    /** Returns the credential of a row; undefined once it is deleted. */
    byId(id: number): RegistryCredential | undefined {
      const row = rows.byId(id)
      return row && withLastUse(row)
    },

    /** Returns the credential of exactly this prefix; undefined without one. Throws InvalidInputError. */
    at({ namespace, prefix }: CredentialPlace): RegistryCredential | undefined {
      const row = rows.at(namespace, parsePlace({ namespace, prefix }))
      return row && withLastUse(row)
    },

    /** Sets the credential of a prefix, and replaces an earlier one. Throws InvalidInputError. */
    set: (input: SetCredential): RegistryCredential => db.transact((tx) => write(tx, input)),

    /** Sets all of them or, when it throws InvalidInputError, none. */
    setAll: (inputs: readonly SetCredential[]): RegistryCredential[] =>
      db.transact((tx) => inputs.map((input) => write(tx, input))),

    /** Deletes a credential and returns it. Throws NotFoundError, InvalidInputError. */
    delete: ({ namespace, prefix }: CredentialPlace): RegistryCredential =>
      db.transact(() => {
        const place = parsePlace({ namespace, prefix })
        const deleted = rows.delete(namespace, place)
        if (!deleted) throw notFound(namespace, place)
        return withLastUse(deleted)
      }),

    /** Opens the credential that is set for exactly this prefix. Throws NotFoundError, InvalidInputError, BrokenSealError. */
    open({ namespace, prefix }: CredentialPlace): OpenedCredential {
      const place = parsePlace({ namespace, prefix })
      const row = rows.sealedAt(namespace, place)
      if (!row) throw notFound(namespace, place)
      return opened(row)
    },

    /**
     * Opens the namespace's credential for the repository: the one with the longest path that contains it. Null without
     * one. Throws BrokenSealError.
     */
    find(namespace: string, registry: string, repository: string): OpenedCredential | null {
      const row = rows.sealedFor(namespace, splitPrefix(registry).registry, repository)
      return row ? opened(row) : null
    },

    /** Reports whether the namespace has a credential for the registry or a part of it. */
    hasAny: (namespace: string, registry: string): boolean =>
      rows.hasAny(namespace, splitPrefix(registry).registry),

    [Symbol.dispose]: () => uses[Symbol.dispose](),
  }
}

/** Throws InvalidInputError. */
function parsePlace({ namespace, prefix }: CredentialPlace): RegistryPrefix {
  checkCredentialNamespace(namespace)
  return parsePrefix(prefix)
}

const notFound = (namespace: string, place: RegistryPrefix) =>
  new NotFoundError(`${namespace} has no credential for ${formatPrefix(place)}`)

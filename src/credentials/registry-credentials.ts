import { createHash } from 'node:crypto'
import type { AuditRecorder } from '../access/audit/audit-log.ts'
import { namespacesOf, requireInNamespace, type Viewer } from '../access/right/viewer.ts'
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

/** A change of the server's configuration, after which other servers may receive logins for some registries. */
export interface UnbindCredentials {
  /** Prefix of the registry configuration that was changed. */
  readonly by: string
  /** Reports whether credentials of this kind for the registry would be sent there. */
  readonly isAffected: (registry: string, kind: RegistryCredential['kind']) => boolean
}

/** A credential is not sent, because the server that it was set for may be another one now. */
export class UnboundCredentialError extends Error {
  override readonly name = 'UnboundCredentialError'
  readonly code = 'UNBOUND_CREDENTIAL'

  constructor({
    namespace,
    unboundBy,
    ...prefix
  }: Pick<CredentialRow, 'namespace' | 'registry' | 'path' | 'unboundBy'>) {
    super(
      `the credential of ${namespace} for ${formatPrefix(prefix)} is not sent: the configuration of ${unboundBy}, which decides what server receives it, was changed; set the credential again to use it there`,
    )
  }
}

/** The credentials of namespaces for registries and for parts of them. Disposing writes the times of their last use. */
export type RegistryCredentials = ReturnType<typeof createRegistryCredentials>

/** Most credentials of one namespace. */
export const MAX_CREDENTIALS = 500
/** Prefixes that an entry of the audit log names. */
const MAX_NAMED = 100

export interface RegistryCredentialsDependencies extends CredentialUsesDependencies {
  readonly sealer: Sealer
  readonly audit: AuditRecorder
}

export function createRegistryCredentials({
  sealer,
  audit,
  ...dependencies
}: RegistryCredentialsDependencies) {
  const { db, now } = dependencies
  const rows = new CredentialRows(db)
  const uses = createCredentialUses(dependencies)

  const write = (_tx: Transaction, { namespace, prefix, secret }: SetCredential): RegistryCredential => {
    const place = parsePlace({ namespace, prefix })
    checkSecret(secret, place)
    if (!rows.sealedAt(namespace, place) && rows.count([namespace]) >= MAX_CREDENTIALS) {
      throw new InvalidInputError('prefix', `a namespace has at most ${MAX_CREDENTIALS} credentials`)
    }
    const { kind, username, text } = storedOf(secret)
    const { keyId, bytes } = sealer.seal(text, boundTo({ namespace, ...place, kind, username }))
    return rows.set({ namespace, ...place }, { kind, username, keyId, sealed: bytes, updatedAt: now() })
  }

  /** Throws UnboundCredentialError, BrokenSealError. */
  const opened = (row: CredentialRow): OpenedCredential => {
    if (row.unboundBy !== null) throw new UnboundCredentialError(row)
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

    /**
     * Returns a page of the credentials of a namespace, or for null of all that the viewer may use, by namespace, registry and
     * path, which are its keys. Throws ForbiddenError, UnauthenticatedError.
     */
    page: (viewer: Viewer, namespace: string | null, page: KeysetPage): RegistryCredential[] =>
      rows.page(namespacesOf(viewer, RIGHT, namespace), page).map(withLastUse),

    /** Returns the number of credentials. Throws as `page`. */
    count: (viewer: Viewer, namespace: string | null): number =>
      rows.count(namespacesOf(viewer, RIGHT, namespace)),

    /** Returns the credential of a row; undefined once it is deleted, and for a viewer without the right. */
    byId(viewer: Viewer, id: number): RegistryCredential | undefined {
      const row = rows.byId(id)
      return row && mayUse(viewer, row.namespace) ? withLastUse(row) : undefined
    },

    /**
     * Returns the credential of exactly this prefix; undefined without one. Throws ForbiddenError, UnauthenticatedError,
     * InvalidInputError.
     */
    at(viewer: Viewer, { namespace, prefix }: CredentialPlace): RegistryCredential | undefined {
      requireInNamespace(viewer, RIGHT, namespace)
      const row = rows.at(namespace, parsePlace({ namespace, prefix }))
      return row && withLastUse(row)
    },

    /**
     * Sets the credential of a prefix, and replaces an earlier one. Throws ForbiddenError, UnauthenticatedError,
     * InvalidInputError.
     */
    set: (viewer: Viewer, input: SetCredential): RegistryCredential =>
      db.transact((tx) => {
        requireInNamespace(viewer, RIGHT, input.namespace)
        const written = write(tx, input)
        const { kind, username } = written
        const target = formatPrefix(written)
        const details = { kind, username }
        audit.record(tx, viewer, {
          action: 'setRegistryCredential',
          namespace: input.namespace,
          target,
          details,
        })
        return written
      }),

    /** Sets all of them or, when it throws one of the errors of `set`, none. */
    setAll: (
      viewer: Viewer,
      namespace: string,
      inputs: readonly Omit<SetCredential, 'namespace'>[],
    ): RegistryCredential[] =>
      db.transact((tx) => {
        requireInNamespace(viewer, RIGHT, namespace)
        const written = inputs.map((input) => write(tx, { namespace, ...input }))
        const details = {
          credentialCount: written.length,
          prefixes: written.slice(0, MAX_NAMED).map(formatPrefix),
        }
        audit.record(tx, viewer, { action: 'importDockerConfig', namespace, target: null, details })
        return written
      }),

    /** Deletes a credential and returns it. Throws NotFoundError, and the errors of `set`. */
    delete: (viewer: Viewer, { namespace, prefix }: CredentialPlace): RegistryCredential =>
      db.transact((tx) => {
        requireInNamespace(viewer, RIGHT, namespace)
        const place = parsePlace({ namespace, prefix })
        const deleted = rows.delete(namespace, place)
        if (!deleted) throw notFound(namespace, place)
        const target = formatPrefix(place)
        audit.record(tx, viewer, { action: 'deleteRegistryCredential', namespace, target })
        return withLastUse(deleted)
      }),

    /** Stops sending the credentials that a change would send to other servers. Returns their number. */
    unbind: (_tx: Transaction, { by, isAffected }: UnbindCredentials): number => rows.unbind(isAffected, by),

    /** Opens the credential that is set for exactly this prefix. Throws NotFoundError, InvalidInputError, and the errors of `find`. */
    open({ namespace, prefix }: CredentialPlace): OpenedCredential {
      const place = parsePlace({ namespace, prefix })
      const row = rows.sealedAt(namespace, place)
      if (!row) throw notFound(namespace, place)
      return opened(row)
    },

    /**
     * Opens the namespace's credential for the repository: the one with the longest path that contains it. Null without
     * one. Throws UnboundCredentialError, BrokenSealError.
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

const RIGHT = 'credentials'

const mayUse = ({ rights }: Viewer, namespace: string): boolean => rights.mayInNamespace(RIGHT, namespace)

/** Throws InvalidInputError. */
function parsePlace({ namespace, prefix }: CredentialPlace): RegistryPrefix {
  checkCredentialNamespace(namespace)
  return parsePrefix(prefix)
}

const notFound = (namespace: string, place: RegistryPrefix) =>
  new NotFoundError(`${namespace} has no credential for ${formatPrefix(place)}`)

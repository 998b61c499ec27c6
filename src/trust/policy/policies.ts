import { hash } from 'node:crypto'
import { eq } from 'drizzle-orm'
import { onStream } from '../../access/audit/audit-entry.ts'
import type { AuditRecorder } from '../../access/audit/audit-log.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { trustPolicies as table } from '../../db/tables/trust.ts'
import type { Transaction } from '../../db/transact.ts'
import { existingStream } from '../../imagestream/commands/write-target.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { createStreams } from '../../imagestream/stream/stream.ts'
import { InvalidInputError, invalid, NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { checkTrustedIdentity, readCertificate } from '../signature/certificate.ts'
import { parsePublicKey } from '../signature/public-key.ts'
import type { TrustRequirement } from '../signature/requirement.ts'
import { parseTextMatch } from '../signature/requirement.ts'

/** The requirements of a stream on the signatures of its images. */
export interface TrustPolicy {
  readonly streamId: number
  /** An accepted signature meets at least one of them. */
  readonly requirements: readonly TrustRequirement[]
  /** Hash of the requirements: verifications by another version no longer apply. */
  readonly version: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

export interface TrustInput {
  readonly namespace: string
  /** Name of the stream. */
  readonly imageStream: string
  /** Version of the stream that the client read; not checked if left out. */
  readonly resourceVersion?: string | null | undefined
  /** An empty list removes the policy. */
  readonly requirements: readonly RequirementInput[]
}

export interface TrustPolicyDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Gives the stream of a changed policy a new version, and returns it. */
  readonly recordUpdate: (tx: Transaction, stream: ImageStream) => ImageStream
}

/** Creates the reads and writes of the trust policies of streams. */
export function createTrustPolicies({ db, audit, now, recordUpdate }: TrustPolicyDependencies) {
  const { orm } = db
  const streams = createStreams(db)
  return {
    /** Returns the policies by stream id. Streams without one are missing. */
    ofStreams: (streamIds: readonly number[]): Map<number, TrustPolicy> =>
      new Map(
        orm
          .select()
          .from(table)
          .where(isOneOf(table.streamId, streamIds))
          .all()
          .map(({ requirements, ...row }) => [
            row.streamId,
            { ...row, requirements: JSON.parse(requirements) as readonly TrustRequirement[] },
          ]),
      ),

    /**
     * Replaces the policy of a stream and returns the stream. Rejects with InvalidInputError, NotFoundError, ConflictError
     * where the resource version is not the newest; ForbiddenError, UnauthenticatedError.
     */
    async set(
      viewer: Viewer,
      { namespace, imageStream: name, resourceVersion, ...input }: TrustInput,
    ): Promise<ImageStream> {
      checkNamespace(namespace)
      checkStreamName(namespace, name, 'imageStream')
      requireRight(viewer, 'configure', { namespace, name })
      const { id: streamId } = streams.existing(viewer, namespace, name)
      const requirements = await parseRequirements(input.requirements)
      return db.transact((tx) => {
        // the stream may have been deleted while the requirements were parsed
        const stream = existingStream(streams, viewer, { namespace, name, resourceVersion })
        if (stream.id !== streamId) {
          throw new NotFoundError(`the image stream ${namespace}/${name} was deleted`)
        }
        const version = versionOf(requirements)
        const old = orm.select().from(table).where(eq(table.streamId, streamId)).get()
        if (old ? old.version === version : requirements.length === 0) return stream
        const columns = { requirements: JSON.stringify(requirements), version, updatedAt: now() }
        if (requirements.length === 0) orm.delete(table).where(eq(table.streamId, streamId)).run()
        else {
          orm
            .insert(table)
            .values({ streamId, ...columns })
            .onConflictDoUpdate({ target: table.streamId, set: columns })
            .run()
        }
        audit.record(
          tx,
          viewer,
          onStream('setImageStreamTrust', stream, { requirements: requirements.length }),
        )
        return recordUpdate(tx, stream)
      })
    },
  }
}

type Maybe<Value> = Value | null | undefined

/** Input of a requirement, with exactly one of the three fields. */
export interface RequirementInput {
  readonly cosign?: Maybe<{ readonly publicKeys: readonly string[] }>
  readonly keyless?: Maybe<KeylessInput>
  readonly notation?: Maybe<NotationInput>
}

export interface KeylessInput {
  readonly issuer?: Maybe<string>
  readonly issuerPattern?: Maybe<string>
  readonly subject?: Maybe<string>
  readonly subjectPattern?: Maybe<string>
  readonly trustedRoot: string
}

export interface NotationInput {
  readonly certificates: string
  readonly trustedIdentities: readonly string[]
}

const MAX_REQUIREMENTS = 10
/** Keys, certificates or identities of one requirement. */
const MAX_ENTRIES = 10
/** Characters of a trusted root. That of sigstore has 7,000. */
const MAX_ROOT_LENGTH = 256 * 1024
const MAX_CERTIFICATES_LENGTH = 64 * 1024
const KINDS = ['cosign', 'keyless', 'notation'] as const

/** Returns the requirements in their stored form. Rejects with InvalidInputError, which names the first invalid one. */
export async function parseRequirements(
  inputs: readonly RequirementInput[],
): Promise<readonly TrustRequirement[]> {
  if (inputs.length > MAX_REQUIREMENTS) {
    throw new InvalidInputError('requirements', `a stream has at most ${MAX_REQUIREMENTS} requirements`)
  }
  return Promise.all(inputs.map((input, at) => parseRequirement(input, `requirements.${at}`)))
}

/** Returns a hash of the requirements. */
export const versionOf = (requirements: readonly TrustRequirement[]): string =>
  hash('sha256', JSON.stringify(requirements), 'hex').slice(0, 32)

async function parseRequirement(input: RequirementInput, field: string): Promise<TrustRequirement> {
  const given = KINDS.filter((kind) => input[kind] != null)
  if (given.length !== 1) throw invalid(field, `must have exactly one of ${KINDS.join(', ')}`)
  if (input.cosign) {
    const name = `${field}.cosign.publicKeys`
    const keys = checkCount(input.cosign.publicKeys, name).map((pem, at) =>
      parsePublicKey(pem, `${name}.${at}`),
    )
    return { kind: 'COSIGN', publicKeys: keys.map(({ pem }) => pem) }
  }
  return input.keyless
    ? parseKeyless(input.keyless, `${field}.keyless`)
    : parseNotation(input.notation as NotationInput, `${field}.notation`)
}

async function parseKeyless(input: KeylessInput, field: string): Promise<TrustRequirement> {
  const { issuer, issuerPattern, subject, subjectPattern, trustedRoot } = input
  const matches = {
    issuer: parseTextMatch({ exact: issuer, pattern: issuerPattern }, `${field}.issuer`),
    subject: parseTextMatch({ exact: subject, pattern: subjectPattern }, `${field}.subject`),
  }
  const name = `${field}.trustedRoot`
  if (trustedRoot.length > MAX_ROOT_LENGTH) {
    throw invalid(name, `must have at most ${MAX_ROOT_LENGTH} characters`)
  }
  const { checkTrustedRoot } = await import('../signature/sigstore.ts')
  checkTrustedRoot(trustedRoot, name)
  return { kind: 'KEYLESS', ...matches, trustedRoot }
}

function parseNotation({ certificates, trustedIdentities }: NotationInput, field: string): TrustRequirement {
  const name = `${field}.certificates`
  if (certificates.length > MAX_CERTIFICATES_LENGTH) {
    throw invalid(name, `must have at most ${MAX_CERTIFICATES_LENGTH} characters`)
  }
  const blocks =
    certificates.match(/-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0 || blocks.length > MAX_ENTRIES) {
    throw invalid(
      name,
      `must be 1 to ${MAX_ENTRIES} certificates in PEM: text that begins with -----BEGIN CERTIFICATE-----`,
    )
  }
  const read = blocks.map((pem) => {
    const certificate = readCertificate(pem)
    if (!certificate) throw invalid(name, 'contains a certificate that cannot be read')
    return certificate.toString()
  })
  const identities = checkCount(trustedIdentities, `${field}.trustedIdentities`)
  for (const [at, identity] of identities.entries()) {
    checkTrustedIdentity(identity, `${field}.trustedIdentities.${at}`)
  }
  return { kind: 'NOTATION', certificates: read, trustedIdentities: identities }
}

function checkCount(values: readonly string[], field: string): readonly string[] {
  if (values.length > 0 && values.length <= MAX_ENTRIES) return values
  throw invalid(field, `must have 1 to ${MAX_ENTRIES} entries`)
}

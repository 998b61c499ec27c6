import type { FailureReason, SignatureFlaw } from '../../oci/failure-reason.ts'
import { enumType, nameOfValue } from './types.ts'

const NAMES: Readonly<Record<SignatureFlaw, string>> = {
  Expired: 'SIGNATURE_EXPIRED',
  WrongIdentity: 'SIGNATURE_WRONG_IDENTITY',
  WrongDigest: 'SIGNATURE_WRONG_DIGEST',
  NotLogged: 'SIGNATURE_NOT_LOGGED',
  Untrusted: 'SIGNATURE_UNTRUSTED',
  WrongKey: 'SIGNATURE_WRONG_KEY',
  Unsupported: 'SIGNATURE_UNSUPPORTED',
  Malformed: 'SIGNATURE_MALFORMED',
}

export const FailureReasonEnum = enumType<FailureReason>('FailureReason', {
  description:
    'Why something failed. Imports, mirrorings, conditions, schedules, changes, filters, referrers, signatures, tests of credentials and errors with the code `REGISTRY_ERROR` have the same reasons.',
  values: {
    NotFound:
      'The registry does not have the repository, tag or image, or has no tag that the tag’s policy can choose.',
    Unauthorized:
      'The registry requires a credential, or rejected the configured credential (HTTP 401); `setRegistryCredential` sets it.',
    Forbidden:
      'The registry denies access to the repository, or pushes to it, to the credential or to everybody (HTTP 403).',
    ForbiddenTarget:
      'The registry’s network address is one that this server must not connect to; the setting `--private-networks` permits private networks.',
    Blocked:
      'A registry configuration, or the default access, blocks requests to the registry; `configureRegistry` changes that.',
    InvalidManifest:
      'The registry’s response is not a valid image manifest, or does not match the requested digest.',
    RegistryUnavailable:
      'The registry, its token server or the vendor’s API cannot be reached, or its response is an error or not valid. The server retries.',
    TooManyRequests: 'The registry limits the request rate (HTTP 429). The server retries later.',
    Immutable: 'The registry that is pushed to does not let the tag be moved, or the content be replaced.',
    TooLarge:
      'The registry that is pushed to refuses content of this size (HTTP 413), or the quota of its storage is used up.',
    MissingContent:
      'The registry that is pushed to lacks content that the manifest refers to: it removed it during the push. Another push uploads it.',
    InternalError: 'An internal error of this server; the server’s log has the details.',
    UntrustedTokenServer:
      'The registry names a token server that is not trusted for it, so that the credential was not sent.',
    UnreadableSecret:
      'The stored secret of the credential cannot be decrypted. `setRegistryCredential` sets it again.',
    TooManyTags:
      'A policy with order `NEWEST` would have to read the images of more tags than are allowed. A narrower filter avoids it.',
    Superseded: 'The spec changed during the import, and an import of the new spec replaces the result.',
    ProtectedTag:
      'The namespace protects the tag from being moved, so that it keeps its image; the message names the protection.',
    NoPullRight:
      'The principal who wrote the source of the tag may no longer pull from that stream, so that the tag keeps its image until the right is granted again or another principal writes the source.',
    QuotaExceeded: 'A quota of the namespace is exhausted; the message names it.',
    StorageFull: 'The disk of this server is full, or too small for the image. Free space, then retry.',
    Conflict:
      'The image stream was changed, created or deleted since its `resourceVersion` was read. Read it again, then retry.',
    InvalidListing:
      'The response of a vendor’s API is not a listing of tags, or contradicts the known tags. Imports request each tag from the registry instead.',
    ListingTooLong:
      'A vendor’s listing has more pages than the server reads. Imports request each tag from the registry instead.',
    NoImage: 'The tag has no image yet.',
    TooManyLookups:
      'The operation requests referrers or signatures of more images than one operation may; smaller pages avoid it.',
    TooManyReferrers:
      'The image has more referrers than the server reads, and no signature among those is accepted.',
    NoSignature: 'The image has no signature.',
    Expired: 'The signature, or the certificate of its signer, was not valid at the time that counts.',
    WrongIdentity: 'The certificate of the signature is of another identity or issuer than required.',
    WrongDigest: 'The signature is of another image.',
    NotLogged: 'The signature has no valid proof that it is in the transparency log.',
    Untrusted: 'The certificate of the signature is not issued by a trusted authority.',
    WrongKey: 'The signature is by another key than required.',
    Unsupported: 'The signature has a format or an algorithm that this server does not support.',
    Malformed: 'The signature cannot be parsed.',
  },
  names: NAMES,
})

/** Returns the name of a reason in the API, for errors. */
export const failureReasonName = (reason: FailureReason): string => nameOfValue(reason, NAMES)

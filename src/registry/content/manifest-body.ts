import { checkConfig, InvalidManifestError, type Manifest, parseManifest } from '../../oci/manifest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  essenceOf,
  isSchema1Type,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../oci/media-types.ts'
import { OciError } from '../../oci/oci-error.ts'

const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST]

/** Reports whether it is one of the four types of manifests that this registry accepts. */
export const isManifestType = (mediaType: string): boolean => MANIFEST_TYPES.includes(mediaType)

/**
 * Parses a pushed manifest. The Content-Type, without parameters, must be one of the four manifest types and match the
 * document's `mediaType`. Without a Content-Type, the type comes from the document. Throws OciError.
 */
export function parsePushedManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  const sent = essenceOf(contentType ?? '')
  // parseManifest rejects schema 1 with a message of its own
  if (sent !== '' && !isManifestType(sent) && !isSchema1Type(sent)) throw notAManifestType(sent)
  const manifest = checked(() => parseManifest(bytes, sent))
  if (!isManifestType(manifest.mediaType)) throw notAManifestType(manifest.mediaType)
  return manifest
}

const notAManifestType = (mediaType: string): OciError =>
  new OciError(
    'MANIFEST_INVALID',
    `"${mediaType.slice(0, 200)}" is not a manifest type: use one of ${MANIFEST_TYPES.join(', ')}`,
    { detail: { mediaType: mediaType.slice(0, 200) } },
  )

/** Checks the config of a pushed image. Throws OciError. */
export const checkPushedConfig = (bytes: Uint8Array): void => checked(() => checkConfig(bytes))

function checked<Result>(check: () => Result): Result {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof InvalidManifestError)) throw error
    throw new OciError('MANIFEST_INVALID', `the manifest is invalid: ${error.message}`, { cause: error })
  }
}

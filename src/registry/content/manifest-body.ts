import type { IncomingMessage } from 'node:http'
import { InvalidManifestError, MAX_MANIFEST_SIZE, type Manifest, parseManifest } from '../../oci/manifest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  essenceOf,
  isSchema1Type,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../oci/media-types.ts'
import { readBody } from '../../request-body/read-body.ts'
import { OciError } from '../protocol/errors.ts'

const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST]

export const isManifestType = (mediaType: string): boolean => MANIFEST_TYPES.includes(mediaType)

/** Returns the body's exact bytes. Throws OciError when there are more than a manifest may have; rejects when the client disconnects. */
export async function readManifestBody(request: IncomingMessage): Promise<Buffer> {
  const body = await readBody(request, MAX_MANIFEST_SIZE)
  if (!body) {
    throw new OciError('SIZE_INVALID', `a manifest has at most ${MAX_MANIFEST_SIZE} bytes`, { status: 413 })
  }
  return body
}

/**
 * Reads what was pushed as what: the Content-Type, without its parameters, is one of the four types of manifests, and the
 * document agrees. Where there is no Content-Type the document's own type stands in, else its shape. Throws OciError.
 */
export function parsePushedManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  const sent = essenceOf(contentType ?? '')
  // schema 1 is refused by name, for what it is
  if (sent !== '' && !isManifestType(sent) && !isSchema1Type(sent)) throw noManifestType(sent)
  const manifest = parse(bytes, sent)
  if (!isManifestType(manifest.mediaType)) throw noManifestType(manifest.mediaType)
  return manifest
}

const noManifestType = (mediaType: string): OciError =>
  new OciError(
    'MANIFEST_INVALID',
    `"${mediaType.slice(0, 200)}" is no manifest's type: those are ${MANIFEST_TYPES.join(', ')}`,
    { detail: { mediaType: mediaType.slice(0, 200) } },
  )

function parse(bytes: Uint8Array, contentType: string): Manifest {
  try {
    return parseManifest(bytes, contentType)
  } catch (error) {
    if (!(error instanceof InvalidManifestError)) throw error
    throw new OciError('MANIFEST_INVALID', `the manifest is refused: ${error.message}`, { cause: error })
  }
}

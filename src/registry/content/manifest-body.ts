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
import { OciError } from '../protocol/errors.ts'

const MANIFEST_TYPES: readonly string[] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST]

export const isManifestType = (mediaType: string): boolean => MANIFEST_TYPES.includes(mediaType)

const tooLarge = (): OciError =>
  new OciError('SIZE_INVALID', `a manifest has at most ${MAX_MANIFEST_SIZE} bytes`, { status: 413 })

/**
 * The body's exact bytes. Rejects with OciError once it is known to be larger than a manifest may be, without having
 * read the rest; with the connection's own error when the client goes away.
 */
export async function readManifestBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length']) > MAX_MANIFEST_SIZE) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  await new Promise<void>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= MAX_MANIFEST_SIZE) chunks.push(chunk)
      else settle(() => reject(tooLarge()))
    }
    const finish = (): void => settle(resolve)
    const fail = (error: Error): void => settle(() => reject(error))
    const settle = (outcome: () => void): void => {
      // never paused: whoever answers decides what becomes of the rest
      request.off('data', collect).off('end', finish).off('error', fail)
      outcome()
    }
    request.on('data', collect).once('end', finish).once('error', fail)
  })
  return Buffer.concat(chunks, size)
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

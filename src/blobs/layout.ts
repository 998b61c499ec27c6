import { join } from 'node:path'
import { algorithmOf, type Digest, type DigestAlgorithm, isDigest } from '../oci/digest.ts'
import { isNamespace, isStreamName } from '../oci/stream-name.ts'

/** Algorithms of digests. */
export const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512']

const UPLOAD_ID = /^[0-9a-f]{32}$/
const UPLOAD_FILE = /^([0-9a-f]{32})\.(sha256|sha512)$/

/** Reports whether the text is the id of an upload. */
export const isUploadId = (text: string): boolean => UPLOAD_ID.test(text)

/**
 * Paths in the data folder: `blobs/<algorithm>/<first two digits>/<all digits>` and
 * `uploads/<namespace>/<name>/<id>.<algorithm>`. Each part is validated, so that no path leads out of the folder.
 */
export class Layout {
  readonly blobs: string
  readonly uploads: string

  constructor(folder: string) {
    this.blobs = join(folder, 'blobs')
    this.uploads = join(folder, 'uploads')
  }

  /** Folder of an algorithm's blobs. */
  blobsBy(algorithm: DigestAlgorithm): string {
    return join(this.blobs, algorithm)
  }

  /** Throws TypeError for an invalid digest. */
  blobFolder(digest: Digest): string {
    return join(this.blobsBy(algorithmOf(digest)), hexOf(digest).slice(0, 2))
  }

  blob(digest: Digest): string {
    return join(this.blobFolder(digest), hexOf(digest))
  }

  /** Folder of a repository's uploads. Throws TypeError for an invalid repository. */
  uploadFolder(repository: string): string {
    if (!isRepository(repository)) throw new TypeError(`"${repository}" is not namespace/name`)
    return join(this.uploads, repository)
  }

  upload(repository: string, id: string, algorithm: DigestAlgorithm): string {
    if (!isUploadId(id)) throw new TypeError('not the id of an upload')
    return join(this.uploadFolder(repository), `${id}.${algorithm}`)
  }
}

const hexOf = (digest: Digest): string => {
  if (!isDigest(digest)) throw new TypeError('not a digest')
  return digest.slice(digest.indexOf(':') + 1)
}

/** Reports whether the text is `namespace/name` of a stream. */
export const isRepository = (text: string): boolean => {
  const [namespace = '', name = '', ...more] = text.split('/')
  return more.length === 0 && isNamespace(namespace) && isStreamName(namespace, name)
}

/** Parses the name of an upload's file; undefined for other files. */
export function parseUploadFile(name: string): { id: string; algorithm: DigestAlgorithm } | undefined {
  const [, id, algorithm] = UPLOAD_FILE.exec(name) ?? []
  return id && algorithm ? { id, algorithm: algorithm as DigestAlgorithm } : undefined
}

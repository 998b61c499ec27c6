import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isObject, type Json, parseJson } from '../../oci/json.ts'
import { MAX_MANIFEST_SIZE } from '../../oci/manifest.ts'
import { OCI_INDEX } from '../../oci/media-types.ts'
import { tagOfReferrers } from '../../oci/tag.ts'
import { unreadableError } from '../login/registry-errors.ts'
import type { Session } from '../session/session.ts'
import { fetchManifest } from './manifests.ts'
import { pushManifest } from './push-manifest.ts'
import { digestOfTag } from './referrers.ts'

/** Changes of one list that are attempted: other clients may change it at the same time, and the last one wins. */
const MAX_ATTEMPTS = 5

/**
 * Adds a referrer to the list under the tag named after the subject's digest, for registries without a referrers API. The list
 * is read again after it was written, because another client may have replaced it meanwhile. Throws RegistryError. Source: OCI
 * distribution-spec, referrers tag schema.
 */
export async function addReferrer(session: Session, subject: Digest, referrer: Descriptor): Promise<void> {
  const { clock, limits } = session.options
  const reference = tagOfReferrers(subject)
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const list = await readList(session, subject)
    if (list.manifests.some((one) => isObject(one) && one.digest === referrer.digest)) return
    const next = { ...list, manifests: [...list.manifests, entryOf(referrer)] }
    const bytes = Buffer.from(JSON.stringify(next))
    if (bytes.byteLength > MAX_MANIFEST_SIZE) {
      throw listError(session, subject, `it would be larger than ${MAX_MANIFEST_SIZE} bytes`)
    }
    const { digest } = await pushManifest(session, { reference, mediaType: OCI_INDEX, bytes })
    const found = await digestOfTag(session, reference)
    if (found === digest) return
    if (found === subject) {
      const why =
        'it has no referrers API, and reads the tag of the list as the image itself: copy without referrers'
      throw listError(session, subject, why)
    }
    await clock.sleep(limits.retryDelay * attempt, session.signal)
  }
  throw listError(session, subject, 'other clients change it at the same time')
}

type ReferrersList = Json & { readonly manifests: readonly unknown[] }

/** Returns the list with all its fields; an empty one where there is none. */
async function readList(session: Session, subject: Digest): Promise<ReferrersList> {
  const digest = await digestOfTag(session, tagOfReferrers(subject))
  if (digest === null || digest === subject) return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }
  const list = parseJson((await fetchManifest(session, digest)).bytes)
  if (isObject(list) && Array.isArray(list.manifests)) return { ...list, manifests: list.manifests }
  throw listError(session, subject, 'its tag is an image')
}

/** Without an empty map of annotations, which other clients do not write. */
const entryOf = ({ annotations, ...descriptor }: Descriptor): Json => ({
  ...descriptor,
  ...(Object.keys(annotations).length > 0 && { annotations }),
})

const listError = (session: Session, subject: Digest, why: string): Error =>
  unreadableError(
    session.subject({
      what: `the list of referrers of ${subject}`,
      unreadable: 'RegistryUnavailable',
      isPush: true,
    }),
    why,
  )

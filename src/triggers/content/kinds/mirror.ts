import { invalid, quoted } from '../../../input/errors.ts'
import { checkReference, checkRepository } from '../../../input/names.ts'
import { isTagName } from '../../../oci/tag.ts'
import type { ActionKind } from '../action-kind.ts'
import { checkPlaceholders, fillText } from '../template.ts'

/** Where each new image of a tag is copied to. */
export interface MirrorSettings {
  /** `registry.example.org/team/app`. */
  readonly repository: string
  /** Tag that points to the image there; `{{ tag }}` in it stands for the tag that moved. */
  readonly tag: string
  readonly includeReferrers: boolean
}

/** What a tag may contain. */
const PLACEHOLDER = 'tag'

/** Copies the image to another registry; another room does it, which has the credentials of the namespace. */
export const MIRROR: ActionKind<MirrorSettings, MirrorSettings> = {
  check({ repository: text, tag, includeReferrers }, field) {
    const repository = checkRepository(text, `${field}.repository`)
    const { registry } = checkReference(repository, `${field}.repository`)
    checkPlaceholders(tag, { known: [PLACEHOLDER], field: `${field}.tag` })
    if (!isTagName(fillText(tag, { [PLACEHOLDER]: 'x' }))) {
      throw invalid(`${field}.tag`, `is ${quoted(tag)}: it must be a tag, which may contain {{ tag }}`)
    }
    return {
      settings: { repository, tag, includeReferrers },
      host: `registry ${registry}`,
      secrets: {},
      neededSecrets: [],
    }
  },
}

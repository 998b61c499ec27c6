import { invalid, quoted } from '../../../input/errors.ts'
import { checkReference, checkRepository } from '../../../input/names.ts'
import { isTagName } from '../../../oci/tag.ts'
import type { ActionKind } from '../action-kind.ts'
import { checkPlaceholders, fillText } from '../template.ts'

/** Where each new image of a tag is copied to. */
export interface MirrorSettings {
  /** `registry.example.org/team/app`; `{{ imageStream }}` in it stands for the stream whose tag moved. */
  readonly repository: string
  /** Tag that points to the image there; `{{ tag }}` in it stands for the tag that moved. */
  readonly tag: string
  readonly includeReferrers: boolean
  /** Whether to create the repository where a registry does not do it by itself; false unless given. */
  readonly createRepository?: boolean
}

const STREAM = 'imageStream'
const TAG = 'tag'

/** Returns the settings for one tag. */
export const filledMirror = (
  { repository, tag, ...settings }: MirrorSettings,
  moved: { readonly imageStream: string; readonly tag: string },
): MirrorSettings => ({
  ...settings,
  repository: fillText(repository, { [STREAM]: moved.imageStream }),
  tag: fillText(tag, { [TAG]: moved.tag }),
})

/** Copies the image to another registry; another room does it, which has the credentials of the namespace. */
export const MIRROR: ActionKind<MirrorSettings, MirrorSettings> = {
  check({ repository, tag, includeReferrers, createRepository = false }, field) {
    const ofRepository = `${field}.repository`
    checkPlaceholders(repository, { known: [STREAM], field: ofRepository })
    checkPlaceholders(tag, { known: [TAG], field: `${field}.tag` })
    const example = filledMirror({ repository, tag, includeReferrers }, { imageStream: 'x', tag: 'x' })
    const { registry } = checkReference(checkRepository(example.repository, ofRepository), ofRepository)
    if (repository.slice(0, repository.indexOf('/')).includes('{{')) {
      throw invalid(ofRepository, 'must name one registry: placeholders are allowed after the first slash')
    }
    if (!isTagName(example.tag)) {
      throw invalid(`${field}.tag`, `is ${quoted(tag)}: it must be a tag, which may contain {{ tag }}`)
    }
    return {
      settings: { repository, tag, includeReferrers, createRepository },
      host: `registry ${registry}`,
      secrets: {},
      neededSecrets: [],
    }
  },
}

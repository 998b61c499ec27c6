import type { MirrorSettings } from '../../triggers/content/kinds/mirror.ts'
import { inputType } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'

const MIRROR = {
  repository:
    'Repository of the other registry, for example `registry.example.org/team/app`. The credential of the trigger’s namespace for it is used.',
  tag: 'Tag that points to the image there; `{{ tag }}` in it stands for the tag that moved.',
  includeReferrers:
    'Whether signatures, SBOMs and other artifacts that are attached to the image are copied too.',
} as const

export const MirrorActionInput = inputType('MirrorActionInput', {
  description: 'A copy of the image in another registry, for which the integrated registry is needed.',
  fields: (t) => ({
    repository: t.requiredString(MIRROR.repository),
    tag: t.field({
      type: 'String',
      required: true,
      defaultValue: '{{ tag }}',
      description: `${MIRROR.tag} The default is \`{{ tag }}\`.`,
    }),
    includeReferrers: t.flag(`${MIRROR.includeReferrers} The default is false.`),
  }),
})

export const MirrorActionType = objectType<MirrorSettings>('MirrorAction', {
  description: 'A copy of the image in another registry.',
  properties: (t) => ({
    repository: t.string(MIRROR.repository),
    tag: t.string(MIRROR.tag),
    includeReferrers: t.boolean(MIRROR.includeReferrers),
  }),
})

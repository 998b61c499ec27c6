import type { MirrorSettings } from '../../triggers/content/kinds/mirror.ts'
import { inputType } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'

const MIRROR = {
  repository:
    'Repository of the other registry, for example `registry.example.org/team/app`; `{{ imageStream }}` in it stands for the name of the image stream, and is needed for a trigger of several image streams. The credential of the trigger’s namespace for it is used.',
  tag: 'Tag that points to the image there; `{{ tag }}` in it stands for the tag that moved.',
  includeReferrers:
    'Whether signatures, SBOMs and other artifacts that are attached to the image are copied too.',
  createRepository:
    'Whether to create the repository in a registry that does not do so by itself, such as Amazon ECR.',
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
    createRepository: t.flag(`${MIRROR.createRepository} The default is false.`),
  }),
})

export const MirrorActionType = objectType<MirrorSettings>('MirrorAction', {
  description: 'A copy of the image in another registry.',
  properties: (t) => ({
    repository: t.string(MIRROR.repository),
    tag: t.string(MIRROR.tag),
    includeReferrers: t.boolean(MIRROR.includeReferrers),
  }),
  fields: (t) => ({
    createRepository: t.boolean({
      description: MIRROR.createRepository,
      resolve: ({ createRepository = false }) => createRepository,
    }),
  }),
})

import { parsePlace } from '../../access/grant/place.ts'
import { parsePrincipal } from '../../access/identity/principal.ts'
import { RIGHTS } from '../../access/right/role.ts'
import { isAnonymous, type Viewer } from '../../access/right/viewer.ts'
import { builder } from '../kit/builder.ts'
import { enumType, objectType } from '../kit/types.ts'
import { AccessTokenType } from './access-token.ts'
import { PLACE } from './grant.ts'
import { RightEnum } from './role.ts'
import { UserType } from './user.ts'

type ViewerKind = 'USER' | 'TOKEN' | 'RULE' | 'ANONYMOUS'
const KINDS = { user: 'USER', token: 'TOKEN', rule: 'RULE' } as const

const ViewerKindEnum = enumType<ViewerKind>('ViewerKind', {
  description: 'What kind of credential a request presented.',
  values: {
    USER: 'The session of a person.',
    TOKEN: 'An access token.',
    RULE: 'A token of another issuer, which a federation rule admits.',
    ANONYMOUS: 'No credential was presented.',
  },
})

const ViewerType = objectType<Viewer>('Viewer', {
  description: 'The sender of the request.',
  properties: (t) => ({
    name: t.string('Name for people: user name of a person, name of a token with that of its creator.'),
  }),
  fields: (t) => ({
    principal: t.string({
      description: 'Identifier in grants and in the audit log: `user:12`, `token:7`, `rule:3`, `anonymous`.',
      resolve: ({ id }) => id,
    }),
    kind: t.field({
      type: ViewerKindEnum,
      description: 'Kind of the credential.',
      resolve: (viewer) => {
        const parsed = parsePrincipal(viewer.id)
        return isAnonymous(viewer) || !parsed ? 'ANONYMOUS' : KINDS[parsed.kind]
      },
    }),
    isServerAdmin: t.boolean({
      description: 'Whether the viewer may do everything; on a server without sign-in everyone may.',
      resolve: ({ rights }) => rights.isServerAdmin,
    }),
    rights: t.field({
      type: [RightEnum],
      description: 'Rights at a place, at most one for each value of `Right`; also where no stream is.',
      args: { place: t.arg.string({ required: true, description: PLACE }) },
      resolve: ({ rights }, { place }) => {
        const { namespace, streams: name } = parsePlace(place, 'place')
        return RIGHTS.filter((right) => rights.may(right, { namespace, name }))
      },
    }),
    user: t.field({
      type: UserType,
      nullable: true,
      description: 'The person; null for another kind of viewer.',
      resolve: (viewer, _args, { access }) => {
        const parsed = parsePrincipal(viewer.id)
        return parsed?.kind === 'user' ? (access.users.byId(viewer, parsed.id) ?? null) : null
      },
    }),
    accessToken: t.field({
      type: AccessTokenType,
      nullable: true,
      description: 'The access token; null for another kind of viewer.',
      resolve: (viewer, _args, { access }) => {
        const parsed = parsePrincipal(viewer.id)
        return parsed?.kind === 'token' ? (access.tokens.byId(viewer, parsed.id) ?? null) : null
      },
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    description: 'Returns who sends the request, and what they may do.',
    access: 'anyone',
    example: `
      # Who am I, and what may I do here?
      query Viewer {
        viewer { principal name kind isServerAdmin rights(place: "default/ruby") }
      }
    `,
    resolve: (_query, _args, { viewer }) => viewer,
  }),
)

import type { GrantedRole } from '../../access/grant/place.ts'
import { type Right, ROLES, type Role } from '../../access/right/role.ts'
import { enumType } from '../kit/types.ts'

const RIGHT_DESCRIPTIONS: Readonly<Record<Right, string>> = {
  view: 'Reads streams, tags and their histories.',
  pull: 'Pulls the content of images, and reads their manifests and configurations.',
  push: 'Pushes images to streams that exist.',
  create: 'Creates streams, also by a push.',
  import: 'Imports images from other registries, with the credentials of the namespace.',
  tag: 'Points tags to images, and changes spec tags.',
  delete: 'Removes tags and streams.',
  configure: 'Changes policies, receivers and requirements of trust.',
  credentials: 'Sets and uses the credentials of other registries.',
  grant: 'Gives rights to others, and takes them away. Access tokens and federation rules never have it.',
}

export const RightEnum = enumType<Right>('Right', {
  description: 'What a principal may do in an image stream, or in a whole namespace.',
  values: RIGHT_DESCRIPTIONS,
})

/** Returns a role's description, with its rights and the names of OpenShift's roles that are about the same. */
function describe(role: Role): string {
  const { description, openShift, rights } = ROLES[role]
  const like = openShift.length > 0 ? ` Like OpenShift’s \`${openShift.join('`, `')}\`.` : ''
  return `${description} Rights: ${rights.join(', ')}.${like}`
}

const roles = Object.keys(ROLES) as Role[]

export const RoleEnum = enumType<GrantedRole>('Role', {
  description: 'A set of rights that a grant gives.',
  values: {
    ...(Object.fromEntries(roles.map((role) => [role, describe(role)])) as Record<Role, string>),
    SERVER_ADMIN:
      'Everything in every namespace, and what affects all of them: registries, default access, pruning, collection, the audit of all namespaces. Its place is `*/*`.',
  },
})

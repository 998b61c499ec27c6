/**
 * What a principal may do in a stream, or in a whole namespace: `configure` is for policies, triggers, receivers and trust,
 * `credentials` for setting and using the credentials of registries, `grant` for giving rights to others.
 */
export const RIGHTS = [
  'view',
  'pull',
  'push',
  'create',
  'import',
  'tag',
  'delete',
  'configure',
  'credentials',
  'grant',
] as const
export type Right = (typeof RIGHTS)[number]

/** A set of rights with a name, and the names of OpenShift's roles that are about the same. */
export interface RoleDefinition {
  readonly rights: readonly Right[]
  readonly openShift: readonly string[]
  /** For whom the role is made. */
  readonly description: string
}

const definition = (
  rights: readonly Right[],
  openShift: readonly string[],
  description: string,
): RoleDefinition => ({ rights, openShift, description })

/** The roles. Each entry point, the API and the documentation use this one table. */
export const ROLES = {
  VIEWER: definition(
    ['view'],
    ['view'],
    'Reads streams, tags, their histories and the metadata of their images; pulls no image.',
  ),
  PULLER: definition(
    ['view', 'pull'],
    ['system:image-puller', 'registry-viewer'],
    'Pulls images: clusters and machines that run them.',
  ),
  PUSHER: definition(
    ['view', 'pull', 'push'],
    ['system:image-pusher'],
    'Pushes images to streams that exist.',
  ),
  BUILDER: definition(
    ['view', 'pull', 'push', 'create'],
    ['system:image-builder'],
    'Pushes images, also to new streams: a build.',
  ),
  IMPORTER: definition(
    ['view', 'pull', 'create', 'import', 'tag'],
    [],
    'Creates streams from other registries, imports and tags images, with the credentials of the namespace, which it cannot read.',
  ),
  EDITOR: definition(
    RIGHTS.filter((right) => right !== 'grant'),
    ['registry-editor', 'edit'],
    'Changes everything in the namespace but who may do so.',
  ),
  ADMIN: definition(
    RIGHTS,
    ['registry-admin', 'admin'],
    'Changes everything in the namespace, and gives rights to others.',
  ),
} as const satisfies Readonly<Record<string, RoleDefinition>>
export type Role = keyof typeof ROLES

/** Returns the roles that have a right, the one with the fewest rights first. */
export const rolesWith = (right: Right): Role[] =>
  (Object.keys(ROLES) as Role[]).filter((role) => ROLES[role].rights.some((one) => one === right))

import SchemaBuilder, {
  BasePlugin,
  type FieldNullability,
  type InputFieldMap,
  type PothosOutputFieldConfig,
  type SchemaTypes,
  type TypeParam,
} from '@pothos/core'
import {
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  getNamedType,
  isInputObjectType,
} from 'graphql'
import { refusedTarget } from '../../access/audit/refused-target.ts'
import { ForbiddenError, HiddenStreamError, UnauthenticatedError } from '../../access/right/errors.ts'
import { RIGHTS, type Right, rolesWith } from '../../access/right/role.ts'
import { requirePerson, requireServerAdmin, type Viewer } from '../../access/right/viewer.ts'
import { isObject, type Json } from '../../oci/json.ts'
import { isRootField } from '../work/root-fields.ts'
import type { GraphQLContext } from './context.ts'

/**
 * What a root field requires of the viewer. The domain checks a right, in the streams that the field concerns; the field
 * itself checks that the viewer is a person or a server admin.
 */
export type FieldAccess = Right | 'anyone' | 'person' | 'server-admin'

const isRight = (access: FieldAccess): access is Right => RIGHTS.some((right) => right === access)

const CHECKS: Readonly<Partial<Record<FieldAccess, (viewer: Viewer) => void>>> = {
  person: requirePerson,
  'server-admin': requireServerAdmin,
}

const DESCRIPTIONS = {
  anyone: 'No right is required.',
  person: 'Requires a person who has signed in; an access token does not suffice.',
  'server-admin': 'Requires a server admin.',
} as const

function describe(access: FieldAccess): string {
  if (!isRight(access)) return DESCRIPTIONS[access]
  return `Requires the right \`${access}\`, which the roles ${rolesWith(access).join(', ')} have.`
}

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types['Context'], object>

/** Adds the option `access` to root fields: it is checked, and part of their description and extensions. */
class AccessPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const access = accessIn(field)
    if (access === undefined) return field
    return {
      ...field,
      description: `${field.description}\n\n${describe(access)}`,
      extensions: { ...field.extensions, access },
    }
  }

  override wrapResolve(resolve: Resolver<Types>, field: PothosOutputFieldConfig<Types>): Resolver<Types> {
    return audited(checked(resolve, field), field)
  }

  override wrapSubscribe(
    subscribe: Resolver<Types> | undefined,
    field: PothosOutputFieldConfig<Types>,
  ): Resolver<Types> | undefined {
    return subscribe && checked(subscribe, field)
  }
}

function checked<Types extends SchemaTypes>(
  resolve: Resolver<Types>,
  field: PothosOutputFieldConfig<Types>,
): Resolver<Types> {
  const check = CHECKS[accessIn(field) ?? 'anyone']
  if (!check) return resolve
  return (parent, args, context, info) => {
    check((context as GraphQLContext).viewer)
    return resolve(parent, args, context, info)
  }
}

/** Records in the audit log what a viewer may not do. */
function audited<Types extends SchemaTypes>(
  resolve: Resolver<Types>,
  { kind, name }: PothosOutputFieldConfig<Types>,
): Resolver<Types> {
  if (kind !== 'Mutation') return resolve
  return async (parent, args, context, info) => {
    try {
      return await resolve(parent, args, context, info)
    } catch (error) {
      if (REFUSALS.some((refusal) => error instanceof refusal)) {
        const { audit, viewer } = context as GraphQLContext
        audit.refuse(viewer, {
          action: name,
          ...refusedTarget(inputIn(args), isInNamespace(info)),
          error: error as Error,
        })
      }
      throw error
    }
  }
}

const REFUSALS = [ForbiddenError, UnauthenticatedError, HiddenStreamError] as const

const inputIn = (args: object): Json => ('input' in args && isObject(args.input) ? args.input : {})

/** Reports whether the input of the mutation has the field `namespace`. */
function isInNamespace({ parentType, fieldName }: GraphQLResolveInfo): boolean {
  const [input] = parentType.getFields()[fieldName]?.args ?? []
  const type = getNamedType(input?.type)
  return isInputObjectType(type) && 'namespace' in type.getFields()
}

/** Returns the option of a root field; undefined for other fields. Throws for a root field without it. */
function accessIn<Types extends SchemaTypes>(field: PothosOutputFieldConfig<Types>): FieldAccess | undefined {
  if (!isRootField(field)) return undefined
  const { pothosOptions, name } = field
  const { access } = pothosOptions as { readonly access?: FieldAccess | undefined }
  if (access === undefined) throw new Error(`root field ${name} declares no access`)
  return access
}

/** Name of the plugin, for the builder. */
export const ACCESS_PLUGIN = 'access'

SchemaBuilder.registerPlugin(ACCESS_PLUGIN, AccessPlugin)

/** Returns what a root field requires. */
export const accessOf = ({ extensions }: GraphQLField<unknown, unknown>): unknown => extensions.access

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      access: AccessPlugin<Types>
    }
    interface QueryFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** What the field requires of the viewer. */
      access: FieldAccess
    }
    interface MutationFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** As that of queries. */
      access: FieldAccess
    }
    interface SubscriptionFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveShape,
      ResolveReturnShape,
    > {
      /** As that of queries. */
      access: FieldAccess
    }
  }
}

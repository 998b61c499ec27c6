import type { InterfaceRef, OutputRef } from '@pothos/core'
import { builder } from './builder.ts'

type Types = typeof builder.$inferSchemaTypes
type Ref<Parent> = ReturnType<typeof builder.objectRef<Parent>>

/** A field that returns the property with its name. `Value` is what the type of the field accepts. */
interface Property<Value> {
  readonly type: OutputRef | Scalar | [OutputRef] | [Scalar]
  readonly nullable?: true
  readonly description: string
  /** Never called: relates the property of the parent to the type of the field. */
  readonly accepts?: (value: Value) => void
}

interface Scalars {
  readonly String: string
  readonly Int: number
  readonly Float: number
  readonly Boolean: boolean
  readonly DateTime: number
  readonly Digest: string
  readonly BigInt: number
}
type Scalar = keyof Scalars

type Described<Value> = (description: string) => Property<Value>

const scalar =
  <Name extends Scalar>(type: Name): Described<Scalars[Name]> =>
  (description) => ({ type, description })
const scalarOrNull =
  <Name extends Scalar>(type: Name): Described<Scalars[Name] | null | undefined> =>
  (description) => ({ type, nullable: true, description })
const scalars =
  <Name extends Scalar>(type: Name): Described<readonly Scalars[Name][]> =>
  (description) => ({ type: [type], description })

/** Definitions of fields that return the property with their name, by the type of the field. */
const PROPERTY = {
  string: scalar('String'),
  stringOrNull: scalarOrNull('String'),
  strings: scalars('String'),
  int: scalar('Int'),
  intOrNull: scalarOrNull('Int'),
  floatOrNull: scalarOrNull('Float'),
  boolean: scalar('Boolean'),
  booleanOrNull: scalarOrNull('Boolean'),
  dateTime: scalar('DateTime'),
  dateTimeOrNull: scalarOrNull('DateTime'),
  digest: scalar('Digest'),
  digestOrNull: scalarOrNull('Digest'),
  digests: scalars('Digest'),
  bigInt: scalar('BigInt'),
  bigIntOrNull: scalarOrNull('BigInt'),
  one: <Value>(type: OutputRef<Value>, description: string): Property<Value> => ({ type, description }),
  oneOrNull: <Value>(type: OutputRef<Value>, description: string): Property<Value | null | undefined> => ({
    type,
    nullable: true,
    description,
  }),
  list: <Value>(type: OutputRef<Value>, description: string): Property<readonly Value[]> => ({
    type: [type],
    description,
  }),
  listOrNull: <Value>(
    type: OutputRef<Value>,
    description: string,
  ): Property<readonly Value[] | null | undefined> => ({ type: [type], nullable: true, description }),
}

// not homomorphic: of a union of parents, only what all of them have
type Properties<Parent> = { readonly [Name in keyof Parent & string]?: Property<Parent[Name]> }

interface ObjectTypeOptions<Parent> {
  readonly description: string
  readonly interfaces?: [InterfaceRef<Types, object>]
  /** Fields that return the property with their name. */
  readonly properties?: (t: typeof PROPERTY) => Properties<Parent>
  /** All other fields. */
  readonly fields?: (
    t: PothosSchemaTypes.ObjectFieldBuilder<Types, Parent>,
  ) => ReturnType<Parameters<typeof builder.objectFields<Ref<Parent>>>[1]>
}

/** Defines an object type, or implements the type of a reference. */
export function objectType<Parent extends object>(
  nameOrRef: string | Ref<Parent>,
  options: ObjectTypeOptions<Parent>,
): ReturnType<Ref<Parent>['implement']>
// the builder cannot relate a type parameter to the parent of a reference: inside, parents are objects
export function objectType(
  nameOrRef: string | Ref<object>,
  { properties, fields, ...options }: ObjectTypeOptions<object>,
): ReturnType<Ref<object>['implement']> {
  const ref = typeof nameOrRef === 'string' ? builder.objectRef<object>(nameOrRef) : nameOrRef
  return ref.implement({
    ...options,
    fields: (t) => {
      const all = { ...fields?.(t) }
      for (const [name, property] of Object.entries<Property<never>>(properties?.(PROPERTY) ?? {})) {
        all[name] = t.field({ ...property, resolve: (parent) => (parent as Record<string, never>)[name] })
      }
      return all
    },
  })
}

interface EnumTypeOptions<Value extends string> {
  readonly description: string
  /** Description of each value. */
  readonly values: Readonly<Record<Value, string>>
  /** Names of values in the API, where they are not the value in upper case: `exposedPorts` is `EXPOSED_PORTS`. */
  readonly names?: Readonly<Partial<Record<Value, string>>>
}

/** Defines an enum type. The code and the tables use the values; the API has names in UPPER_SNAKE_CASE for them. */
export function enumType<Value extends string>(
  name: string,
  { description, values, names }: EnumTypeOptions<Value>,
) {
  const described = Object.entries<string>(values).map(([value, text]) => [
    nameOfValue(value, names),
    { value, description: text },
  ])
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(described) as Record<Value, { value: Value; description: string }>,
  })
}

/** Returns the name of an enum's value in the API: `EXPOSED_PORTS` for `exposedPorts`. */
export const nameOfValue = (
  value: string,
  names: Readonly<Partial<Record<string, string>>> | undefined,
): string => names?.[value] ?? value.replace(/([a-z\d])([A-Z])/g, '$1_$2').toUpperCase()

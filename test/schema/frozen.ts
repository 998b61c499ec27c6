import { createHash } from 'node:crypto'
import {
  astFromValue,
  buildSchema,
  DangerousChangeType,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLInputField,
  type GraphQLSchema,
  isInputObjectType,
  print,
} from 'graphql'

/** The schema that clients rely on. Only `npm run schema:freeze` writes it. */
export const FROZEN_SCHEMA = 'test/schema/frozen.graphql'
export const CHANGELOG = 'src/graphql/CHANGELOG.md'

const NEXT = '## Next\n'

const defaultOf = ({ defaultValue, type }: GraphQLInputField): string => {
  const value = defaultValue === undefined ? undefined : astFromValue(defaultValue, type)
  return value ? print(value) : 'none'
}

/** Returns changed defaults of input fields, which graphql-js compares only for arguments. */
function changedDefaults(before: GraphQLSchema, after: GraphQLSchema): string[] {
  return Object.values(before.getTypeMap()).flatMap((type) => {
    const other = after.getType(type.name)
    if (!isInputObjectType(type) || !isInputObjectType(other)) return []
    return Object.values(type.getFields()).flatMap((field) => {
      const changed = other.getFields()[field.name]
      if (!changed || defaultOf(field) === defaultOf(changed)) return []
      return [
        `${type.name}.${field.name} has changed its default from ${defaultOf(field)} to ${defaultOf(changed)}.`,
      ]
    })
  })
}

/** Returns a description of each change by which a client of the first schema may fail with the second, sorted. */
export function breaksBetween(before: string, after: string): string[] {
  const schemas = [buildSchema(before), buildSchema(after)] as const
  const defaults = findDangerousChanges(...schemas).filter(
    ({ type }) => type === DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
  )
  const breaks = [...findBreakingChanges(...schemas), ...defaults].map(({ description }) => description)
  return [...breaks, ...changedDefaults(...schemas)].sort()
}

const digestOf = (schema: string): string => `sha256:${createHash('sha256').update(schema).digest('hex')}`

const sectionsOf = (changelog: string): string[] => changelog.split(/^(?=## )/m).slice(1)

/** Returns the breaks that the section `Next` of the changelog names, each by a list item that starts with it as code; sorted. */
export function namedBreaks(changelog: string): string[] {
  const [next = ''] = sectionsOf(changelog)
  if (!next.startsWith(NEXT)) throw new Error(`the first section of ${CHANGELOG} is not "${NEXT.trim()}"`)
  return [...next.matchAll(/^- `([^`]+)`/gm)].map(([, named = '']) => named).sort()
}

/** Reports whether the newest dated section of the changelog is that of this schema. */
export const isFrozenAs = (schema: string, changelog: string): boolean =>
  sectionsOf(changelog)[1]?.includes(`\`${digestOf(schema)}\``) ?? false

/**
 * Returns the changelog with a section of this date for the schema, made of the section `Next`. Throws if that does not name
 * exactly the breaks since the schema that was frozen before.
 */
export function freeze(
  changelog: string,
  { before, after, date }: { readonly before: string; readonly after: string; readonly date: string },
): string {
  const [breaks, named] = [breaksBetween(before, after), namedBreaks(changelog)]
  const unnamed = breaks.filter((one) => !named.includes(one))
  const absent = named.filter((one) => !breaks.includes(one))
  if (unnamed.length > 0) throw new Error(`${CHANGELOG} does not name: ${unnamed.join(' ')}`)
  if (absent.length > 0) throw new Error(`${CHANGELOG} names what is no break: ${absent.join(' ')}`)
  return changelog.replace(NEXT, `${NEXT}\n## ${date}\n\nSchema: \`${digestOf(after)}\`\n`)
}

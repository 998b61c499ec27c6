import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { createSchema } from '../../src/graphql/schema.ts'
import { printedFiles, textOf } from './printed-files.ts'

const types = Object.values(createSchema().getTypeMap()).filter(({ name }) => !name.startsWith('__'))

describe('the schema', () => {
  it.each(Object.entries(printedFiles()))('has been printed to %s (npm run schema)', (path, text) => {
    expect(textOf(path)).toBe(text)
  })

  it('has connections, and other lists that say how they are bounded', () => {
    const bound = /at most|bounded|one (?:item )?(?:for|of) each|no more than|one, two during/i
    const objects = Object.values(createSchema().getTypeMap()).filter(isObjectType)
    const lists = objects
      .filter(({ name }) => !/^__|(?:Connection|Edge)$/.test(name))
      .flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })))
      .filter(({ field }) => isListType(getNullableType(field.type)))

    const unbounded = lists.filter(({ field }) => !bound.test(field.description ?? ''))
    expect(unbounded.map(({ type, field }) => `${type.name}.${field.name}`)).toEqual([])
    expect(lists.length).toBeGreaterThan(20)
  })

  it('describes every type, field, argument and enum value in a sentence', () => {
    const undescribed: string[] = []
    const check = (where: string, description: string | null | undefined) => {
      const sentences = (description ?? '').replace(/\n\n```graphql\n.*\n```$/s, '')
      if (!/^.{10,}[.…]$/s.test(sentences)) undescribed.push(where)
    }
    for (const type of types) {
      if (!['String', 'Int', 'Boolean', 'ID', 'Float'].includes(type.name)) check(type.name, type.description)
      if (isEnumType(type))
        for (const value of type.getValues()) check(`${type.name}.${value.name}`, value.description)
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue
      for (const field of Object.values(type.getFields())) {
        check(`${type.name}.${field.name}`, field.description)
        const args: readonly GraphQLArgument[] = 'args' in field ? field.args : []
        for (const arg of args) check(`${type.name}.${field.name}(${arg.name}:)`, arg.description)
      }
    }
    expect(undescribed).toEqual([])
    expect(types.length).toBeGreaterThan(40)
  })

  it('has enum values in UPPER_SNAKE_CASE', () => {
    const names = types.filter(isEnumType).flatMap((type) => type.getValues().map(({ name }) => name))
    expect(names.filter((name) => !/^[A-Z][A-Z\d]*(?:_[A-Z\d]+)*$/.test(name))).toEqual([])
    expect(names.length).toBeGreaterThan(200)
  })

  it('has an enum wherever a field or an argument is a reason, a kind, a status or a state', () => {
    const words = /^(?:reason|kind|status|state|outcome|.+(?:Reason|Kind|Status|State|Outcome))$/
    const texts = types.filter(isObjectType).flatMap((type) =>
      Object.values(type.getFields())
        .filter(({ name, type }) => words.test(name) && getNamedType(type).name === 'String')
        .map(({ name }) => `${type.name}.${name}`),
    )
    // the kind of a document, or of an object of a cluster, of any API group
    expect(texts).toEqual(['SkippedDocument.kind', 'Workload.kind'])
  })

  it('has times, counts, sizes and computed booleans that are named by one rule', () => {
    const settings = new Set(types.filter(isInputObjectType).flatMap((type) => Object.keys(type.getFields())))
    const rules: Readonly<Record<string, (name: string) => boolean>> = {
      // OpenShift's names: created, creationTimestamp, deletionTimestamp, lastTransitionTime
      DateTime: (name) => /(?:At|From|Until|Timestamp|TransitionTime)$|^created$/.test(name),
      Boolean: (name) => /^(?:is|has)[A-Z]/.test(name) || settings.has(name),
      BigInt: (name) => /(?:^s|S)ize(?:Difference)?$|Count$/.test(name),
      // a unit in the name, or no count: an ordinal, a status, a setting
      Int: (name) =>
        /(?:Count|Seconds|Minutes|Days|Status|[pP]osition)$|^(?:generation|concurrency)$/.test(name),
    }
    // the progress of an import, maximums, and a quota as the host names it
    const others =
      /^(?:Import\.(?:total|imported|unchanged|failed)|ServerLimits\..+|Quota\.(?:maximum.+|requestsPerHour)|RequestBudget\.limit|TriggerGuards\.maxPerHour)$/
    const named = types.filter(isObjectType).flatMap((type) =>
      Object.values(type.getFields())
        .filter((field) => rules[getNamedType(field.type).name]?.(field.name) === false)
        .map((field) => `${type.name}.${field.name}`),
    )
    expect(named.filter((name) => !others.test(name))).toEqual([])
    const twoWords = ['updatedAt', 'by', 'count', 'since']
    const fields = types.filter(isObjectType).flatMap((type) => Object.keys(type.getFields()))
    expect(fields.filter((name) => twoWords.includes(name))).toEqual([])
  })

  it('has no deprecation without a date in its reason', () => {
    expect(undated(createSchema())).toEqual([])
    expect(
      undated(
        buildSchema(`type Query {
          old(past: Int @deprecated(reason: "Use now.")): Int @deprecated(reason: "Read new. Removed on 2027-01-31.")
          older: Kind @deprecated(reason: "Read new.")
        }
        enum Kind { ONE @deprecated }`),
      ),
    ).toEqual(['Query.old(past:)', 'Query.older', 'Kind.ONE'])
  })
})

/** Returns the deprecated parts of a schema whose reason has no date of their removal. */
function undated(schema: GraphQLSchema): string[] {
  const found: string[] = []
  const check = (where: string, reason: string | null | undefined) => {
    if (reason != null && !/\b20\d\d-\d\d-\d\d\b/.test(reason)) found.push(where)
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (isEnumType(type)) {
      for (const value of type.getValues()) check(`${type.name}.${value.name}`, value.deprecationReason)
    }
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue
    for (const field of Object.values(type.getFields())) {
      const args: readonly GraphQLArgument[] = 'args' in field ? field.args : []
      for (const arg of args) check(`${type.name}.${field.name}(${arg.name}:)`, arg.deprecationReason)
      check(`${type.name}.${field.name}`, field.deprecationReason)
    }
  }
  return found
}

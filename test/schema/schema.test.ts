import { type GraphQLArgument, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql'
import { describe, expect, it } from 'vitest'
import { createSchema } from '../../src/graphql/schema.ts'
import { printedFiles, textOf } from './printed-files.ts'

describe('the schema', () => {
  it.each(Object.entries(printedFiles()))('has been printed to %s (npm run schema)', (path, text) => {
    expect(textOf(path)).toBe(text)
  })

  it('describes every type, field, argument and enum value in a sentence', () => {
    const undescribed: string[] = []
    const check = (where: string, description: string | null | undefined) => {
      const sentences = (description ?? '').replace(/\n\n```graphql\n.*\n```$/s, '')
      if (!/^.{10,}[.…]$/s.test(sentences)) undescribed.push(where)
    }
    const types = Object.values(createSchema().getTypeMap()).filter(({ name }) => !name.startsWith('__'))
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
})

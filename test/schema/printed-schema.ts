import { fileURLToPath } from 'node:url'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { createSchema } from '../../src/graphql/schema.ts'

export const SCHEMA_FILE = fileURLToPath(new URL('../../schema.graphql', import.meta.url))

/** Returns the text of `schema.graphql`. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(createSchema()))}\n`

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { ERROR_CODES } from '../../src/graphql/kit/error-codes.ts'
import { createSchema } from '../../src/graphql/schema.ts'
import { printCacheRules } from './cache-rules.ts'
import { printExamples } from './examples.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Text of a file of the project; its path starts at the root. */
export const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/**
 * The document of the API. Each block of code after a comment with the path of a file has the content of the file, and the
 * table after the comment `error codes` has the codes of errors.
 */
export const API_DOCUMENT = 'src/graphql/README.md'
const CACHE_RULES = 'test/clients/recipes/cache-rules.ts'
const BLOCK = /^(<!-- (\S+) -->\n+```\w+\n).*?^```$/gms

const ERROR_TABLE = /^(<!-- error codes -->\n\n)(?:\|.*\n)*/m
const printErrorCodes = (): string =>
  [
    '| code | cause | what a client does |',
    '|---|---|---|',
    ...Object.entries(ERROR_CODES).map(
      ([code, { cause, action }]) => `| \`${code}\` | ${cause} | ${action} |`,
    ),
  ].join('\n')

/** Returns the text of each file that `npm run schema` writes, by its path. */
export function printedFiles(): Readonly<Record<string, string>> {
  const schema = createSchema()
  const printed: Record<string, string> = {
    'schema.graphql': `${printSchema(lexicographicSortSchema(schema))}\n`,
    [CACHE_RULES]: printCacheRules(schema),
    'src/graphql/examples.md': printExamples(schema),
  }
  const document = textOf(API_DOCUMENT)
    .replace(BLOCK, (_block, head: string, path: string) => `${head}${printed[path] ?? textOf(path)}\`\`\``)
    .replace(ERROR_TABLE, (_table, head: string) => `${head}${printErrorCodes()}\n`)
  return { ...printed, [API_DOCUMENT]: document }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { createSchema } from '../../src/graphql/schema.ts'
import { printCacheRules } from './cache-rules.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Text of a file of the project; its path starts at the root. */
export const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The document of the API. Each block of code after a comment with the path of a file has the content of the file. */
export const API_DOCUMENT = 'src/graphql/README.md'
const CACHE_RULES = 'test/clients/recipes/cache-rules.ts'
const BLOCK = /^(<!-- (\S+) -->\n+```\w+\n).*?^```$/gms

/** Returns the text of each file that `npm run schema` writes, by its path. */
export function printedFiles(): Readonly<Record<string, string>> {
  const schema = createSchema()
  const printed: Record<string, string> = {
    'schema.graphql': `${printSchema(lexicographicSortSchema(schema))}\n`,
    [CACHE_RULES]: printCacheRules(schema),
  }
  const withRecipes = textOf(API_DOCUMENT).replace(
    BLOCK,
    (_block, head: string, path: string) => `${head}${printed[path] ?? textOf(path)}\`\`\``,
  )
  return { ...printed, [API_DOCUMENT]: withRecipes }
}

import { type Module, roomOf } from './modules.ts'

/** A table's name in SQL, and the constant that describes it to Drizzle. */
interface Table {
  readonly name: string
  readonly constant: string
}

/** The tables that `db/tables` declares. */
export const tablesOf = (modules: readonly Module[]): Table[] =>
  modules
    .filter(({ path }) => path.startsWith('db/tables/'))
    .flatMap(({ text }) =>
      [...text.matchAll(/export const (\w+) = sqliteTable\(\s*'(\w+)'/g)].map(
        ([, constant = '', name = '']) => ({ name, constant }),
      ),
    )

const SQL_READ = /\b(?:from|join)\s+["`]?(\w+)/gi
const SQL_WRITE = /\b(?:insert\s+(?:or\s+\w+\s+)?into|replace\s+into|update(?:\s+or\s+\w+)?)\s+["`]?(\w+)/gi
const SQL_DELETE = /\bdelete\s+from\s+["`]?(\w+)/gi
const DRIZZLE_READ = /\.(?:from|(?:inner|left|right|full|cross)Join)\(\s*(?:\w+\.)?(\w+)/g
const DRIZZLE_DELETE = /\.delete\(\s*(?:\w+\.)?(\w+)\s*\)/g
const DRIZZLE_WRITE = /\.(?:insert|update)\(\s*(?:\w+\.)?(\w+)\s*\)/g
/** An `exists` or a sub-select that is built from the table's columns. */
const DRIZZLE_FRAGMENT = /\$\{(?:\w+\.)?(\w+)\}/g

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')

/** Names of the tables that a module reads, writes (inserts, updates) and deletes from, in SQL or through Drizzle. */
export function tableUsesOf(module: Module, tables: readonly Table[]) {
  const text = withoutComments(module.text)
  const byConstant = new Map(tables.map(({ name, constant }) => [constant, name]))
  for (const [, constant = '', alias = ''] of text.matchAll(/\b(\w+) as (\w+)\b/g)) {
    const name = byConstant.get(constant)
    if (name) byConstant.set(alias, name)
  }
  const byName = new Set(tables.map(({ name }) => name))
  const named = (patterns: readonly RegExp[], nameOf: (word: string) => string | undefined): string[] =>
    patterns.flatMap((pattern) => [...text.matchAll(pattern)].flatMap(([, word = '']) => nameOf(word) ?? []))
  const inSql = (word: string) => (byName.has(word) ? word : undefined)
  const inDrizzle = (word: string) => byConstant.get(word)
  return {
    reads: new Set([...named([SQL_READ], inSql), ...named([DRIZZLE_READ, DRIZZLE_FRAGMENT], inDrizzle)]),
    writes: new Set([...named([SQL_WRITE], inSql), ...named([DRIZZLE_WRITE], inDrizzle)]),
    deletes: new Set([...named([SQL_DELETE], inSql), ...named([DRIZZLE_DELETE], inDrizzle)]),
  }
}

export interface TableRules {
  /** The tables of each room. */
  readonly owns: Readonly<Record<string, readonly string[]>>
  /** The tables of other rooms that a room may read. */
  readonly mayRead: Readonly<Record<string, readonly string[]>>
  /** The tables of other rooms that a room may delete from. */
  readonly mayDelete: Readonly<Record<string, readonly string[]>>
}

/** Uses of another room's tables that the rules do not allow. A room writes only its own tables. */
export function forbiddenTableUses(
  module: Module,
  tables: readonly Table[],
  { owns, mayRead, mayDelete }: TableRules,
): string[] {
  const room = roomOf(module.path)
  const own = owns[room] ?? []
  const isForbidden = (more: readonly string[] | undefined) => (table: string) =>
    !own.includes(table) && !more?.includes(table)
  const { reads, writes, deletes } = tableUsesOf(module, tables)
  return [
    ...[...reads]
      .filter((table) => !deletes.has(table))
      .filter(isForbidden(mayRead[room]))
      .map((table) => `${module.path} reads ${table}`),
    ...[...writes].filter(isForbidden(undefined)).map((table) => `${module.path} writes ${table}`),
    ...[...deletes].filter(isForbidden(mayDelete[room])).map((table) => `${module.path} deletes ${table}`),
  ]
}

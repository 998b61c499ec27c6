import {
  buildSchema,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  getNamedType,
  isAbstractType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  type ResponsePath,
  validate,
} from 'graphql'
import { describe, expect, it, test } from 'vitest'
import { DataText, resultText } from '../../../src/graphql/execute/data-text.ts'
import { createExecutor } from '../../../src/graphql/execute/executor.ts'
import { randomNumbers } from '../../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../../fixtures/seed.ts'
import { randomOperation } from './random-operation.ts'

const OPERATIONS = repeats(3_000, 30_000, 100_000)

const schema = buildSchema(`
  enum Color { RED GREEN }
  input Point { x: Int! y: Int = 2 color: Color }
  interface Named { id: ID! name: String self: Named }
  type Person implements Named { id: ID! name: String self: Person age: Int! friends(first: Int): [Person!]! pets: [Pet] favourite: Thing! }
  type Pet implements Named { id: ID! name: String! self: Pet! color: Color weights: [[Float!]] owner: Person }
  union Thing = Person | Pet
  type Query {
    person(id: ID!): Person
    people(first: Int = 3, at: Point): [Person!]!
    maybe: [Person]
    named(colors: [Color!]): [Named!]
    thing: Thing
    things: [Thing]!
    pet: Pet!
    text(of: String): String
    flag: Boolean!
    numbers: [Int!]!
  }
  type Mutation { rename(id: ID!, name: String!): Person, count: Int!, fail: Int! }
`)

const keyOf = (path: ResponsePath): string =>
  path.prev ? `${keyOf(path.prev)}.${path.key}` : String(path.key)

/** Resolves each field by a random number that belongs to its path: a value, null, an error, or a promise for one of them. */
function resolverOf(seed: number): GraphQLFieldResolver<unknown, unknown> {
  return (_source, args, _context, info) => {
    const random = randomNumbers(seedOf(`${seed} ${keyOf(info.path)} ${JSON.stringify(args)}`))
    return outcome(random, () => resolved(random, info.returnType, info.schema))
  }
}

function outcome(random: () => number, value: () => unknown): unknown {
  const chosen = random()
  if (chosen < 0.02) throw new Error(`thrown ${random()}`)
  if (chosen < 0.04) throw new GraphQLError('refused', { extensions: { code: 'INVALID' } })
  if (chosen < 0.05) return new Error('returned')
  if (chosen < 0.08) return Promise.reject(new Error(`rejected ${random()}`))
  if (chosen < 0.2) return Promise.resolve(random() < 0.1 ? null : value())
  if (chosen < 0.22) return undefined
  return value()
}

function resolved(random: () => number, type: GraphQLOutputType, of: typeof schema): unknown {
  if (isNonNullType(type)) return resolved(random, type.ofType, of)
  if (isListType(type)) {
    const items = Array.from({ length: Math.floor(random() * 4) }, () =>
      outcomeOfItem(random, type.ofType, of),
    )
    return random() < 0.1 ? new Set(items) : items
  }
  if (random() < 0.03) return null
  const named = getNamedType(type)
  if (isAbstractType(named)) {
    const possible = of.getPossibleTypes(named)
    return { __typename: random() < 0.02 ? 'Query' : possible[Math.floor(random() * possible.length)]?.name }
  }
  if (isObjectType(named)) return {}
  const scalars: Record<string, unknown> = {
    Int: 7,
    Float: 1.5,
    Boolean: random() < 0.5,
    Color: 'RED',
    ID: 12,
  }
  return random() < 0.02
    ? { not: 'a scalar' }
    : (scalars[named.name] ?? TEXTS[Math.floor(random() * TEXTS.length)])
}

function outcomeOfItem(random: () => number, type: GraphQLOutputType, of: typeof schema): unknown {
  try {
    return outcome(random, () => resolved(random, type, of))
  } catch (error) {
    return error
  }
}

const TEXTS = [
  '',
  'text',
  'a "quoted" \\ text',
  'two\nlines\u2028',
  '\u0000\u001f',
  '\ud83d\ude00',
  '\ud800',
  '<é>',
]

const executor = createExecutor(() => async () => {})

/** Returns a result as a client gets it; errors by their content. */
function shown({ data, errors }: ExecutionResult) {
  const text = resultText({ data })
  return {
    text,
    errors: errors?.map((error) => ({
      path: error.path,
      locations: error.locations,
      extensions: error.extensions,
      message: known(error),
    })),
  }
}
/** Texts of errors that only the log has differ: they are of values that a schema must not have. */
const known = ({ message }: GraphQLError): string =>
  /serialize|Abstract type|resolved to|Runtime Object/.test(message) ? 'of a resolver' : message

async function expectSame(args: ExecutionArgs): Promise<void> {
  const [ours, theirs] = [await executor(args), await execute(args)]
  if (ours.data) expect(ours.data).toBeInstanceOf(DataText)
  expect(shown(ours)).toEqual(shown(theirs))
}

/** Rejections that are not handled are reported before it resolves. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Ignores rejections that graphql-js leaves unhandled: those of items of a list beside one that throws. */
function ignoringRejections(): Disposable {
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', () => {})
  return {
    [Symbol.dispose]() {
      process.removeAllListeners('unhandledRejection')
      for (const listener of listeners) process.on('unhandledRejection', listener)
    },
  }
}

test(`${OPERATIONS} random operations have the same bytes as with graphql-js`, async () => {
  using _ignoring = ignoringRejections()
  const random = randomNumbers(seedOf('operations'))
  const scalars: Record<string, unknown> = { Int: 2, ID: 'one', String: 'text', Boolean: true }
  let [valid, withErrors] = [0, 0]
  for (let run = 0; run < OPERATIONS; run++) {
    const { query, variables } = randomOperation(schema, {
      random,
      depth: 5,
      scalar: (type) => scalars[type],
    })
    const document = parse(query)
    if (run % 100 === 0) await nextTurn()
    // one name for fields of different types
    if (validate(schema, document).length > 0) continue
    valid++
    const fieldResolver = resolverOf(run)
    // the executor has resolvers of the schema alone, as this server's are
    const args = { schema: withResolver(fieldResolver), document, variableValues: variables }
    const theirs = await execute(args)
    if (theirs.errors) withErrors++
    // with the other values of its conditions, of the same compiled document
    await expectSame(args)
    if (Object.values(variables).some((value) => typeof value === 'boolean')) {
      const others = Object.entries(variables).map(([name, value]) => [
        name,
        typeof value === 'boolean' ? !value : value,
      ])
      await expectSame({ ...args, variableValues: Object.fromEntries(others) })
    }
  }
  await nextTurn()
  expect(valid).toBeGreaterThan(OPERATIONS * 0.8)
  expect(withErrors).toBeGreaterThan(OPERATIONS / 10)
})

let current: GraphQLFieldResolver<unknown, unknown> = () => null
for (const type of Object.values(schema.getTypeMap())) {
  if (!isObjectType(type) || type.name.startsWith('__')) continue
  for (const field of Object.values(type.getFields())) field.resolve = (...args) => current(...args)
}
function withResolver(resolver: typeof current): typeof schema {
  current = resolver
  return schema
}

describe('an operation', () => {
  const run = (query: string, more: Partial<ExecutionArgs> = {}) =>
    expectSame({ schema, document: parse(query), ...more })

  it('may introspect the schema', async () => {
    await run(
      '{ __schema { types { name fields { name type { kind ofType { name } } } } } __type(name: "Pet") { name } }',
    )
  })

  it('has the errors of graphql-js for variables, and for a name that it does not have', async () => {
    await run('query ($id: ID!) { person(id: $id) { id } }')
    await run('query A { flag } query B { flag }', { operationName: 'C' })
    await run('query A { flag } query B { flag }')
  })

  it('that changes something runs its fields one after the other', async () => {
    const order: string[] = []
    withResolver(async (_source, _args, _context, { path }) => {
      order.push(`begin ${path.key}`)
      await Promise.resolve()
      order.push(`end ${path.key}`)
      if (path.key === 'b') throw new Error('failed')
      return 1
    })
    const document = parse('mutation { a: count b: count c: count }')
    const { data, errors } = await executor({ schema, document })
    expect(order).toEqual(['begin a', 'end a', 'begin b', 'end b'])
    expect([data, errors?.map(({ path }) => path)]).toEqual([null, [['b']]])
  })

  it('leaves no rejection unhandled where several fields and items fail', async () => {
    withResolver((_source, _args, _context, { path, fieldName }) => {
      if (fieldName === 'people') return [{}, Promise.reject(new Error('item')), {}]
      if (fieldName === 'age') return Promise.reject(new Error('age'))
      if (fieldName === 'id' && path.prev?.key === 2) throw new Error('id')
      return 'x'
    })
    const { data, errors } = await executor({
      schema,
      document: parse('{ people { age id } b: people { id age } flag }'),
    })
    expect([data, errors?.length]).toEqual([null, 1])
    await nextTurn()
  })

  it('writes a long text in parts, between which others run', async () => {
    let turns = 0
    const inTurns = createExecutor(() => async () => {
      turns++
    })
    const long = `${'x'.repeat(1_000_000)}"\ud83d\ude00`
    withResolver(() => long)
    const { data } = await inTurns({ schema, document: parse('{ text }') })
    expect(resultText({ data: data ?? null })).toBe(JSON.stringify({ data: { text: long } }))
    expect(turns).toBeGreaterThan(50)
  })
})

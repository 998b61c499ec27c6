import { EventEmitter, on } from 'node:events'
import { buildSchema, GraphQLError, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql'
import { RateLimitedError } from '../../src/access/right/errors.ts'
import { openDatabase } from '../../src/db/open.ts'
import { type ChangeLog, createChangeLog } from '../../src/events/change-log.ts'
import type { Push, PushFilter } from '../../src/events/push-filter.ts'
import type { GraphQLContext } from '../../src/graphql/kit/context.ts'
import type { PushFilterArguments } from '../../src/graphql/push/image-push.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'
import type { TagName } from '../../src/oci/tag.ts'

const TYPE_DEFINITIONS = /* GraphQL */ `
  type Query {
    version: String!
    "the request id, as resolvers see it"
    requestId: String!
    "fails as the name says: INTERNAL, GRAPHQL, GRAPHQL_WITHOUT_CODE, or with the name as the code of the error"
    fail(how: String!): String
    list(values: [[Int]]): Int
    nested: Nested
    padding(bytes: Int!): String!
  }
  type Nested { nested: Nested leaf: Int }
  type Mutation { push(tag: String!): ImagePush! }
  type Subscription {
    imagePushed(namespace: String, imageStream: String, tag: String, since: String): ImagePush!
    importProgressed(id: ID!): Import!
  }
  type Import { id: ID! imported: Int! }
  type ImagePush {
    sequence: Int!
    cursor: String!
    namespace: String!
    imageStreamName: String!
    tag: String!
    padding(bytes: Int!): String!
    fail: String
  }
`

/** A push; each field has a default for tests that do not need it. */
export interface PushInput {
  readonly namespace?: string
  readonly imageStream?: string
  readonly tag?: string
  readonly pushedAt?: number
}

/** Counts of what happens once for all subscribers. */
export interface Counters {
  /** Reads of the log. */
  reads: number
  /** Executions of `imagePushed`. */
  executions: number
}

/** The smallest schema that these tests need, over a real database and change log. */
export function createWorld() {
  const db = openDatabase(':memory:')
  db.prepare(`insert into images (id, digest, media_type, docker_image_reference, manifest)
    values (1, 'sha256:${'0'.repeat(64)}', 'application/json', 'registry/app', x'00')`).run()
  const counters: Counters = { reads: 0, executions: 0 }
  const changeLog = counted(createChangeLog(db), counters)
  const progress = new EventEmitter()

  /** Pushes all of these in one transaction. */
  const push = (...inputs: PushInput[]): void =>
    db.transact((tx) => {
      for (const { namespace = 'default', imageStream = 'ruby', tag = 'latest', pushedAt = 0 } of inputs) {
        changeLog.appendPush(tx, {
          pushedAt,
          source: 'IMPORT',
          namespace,
          imageStreamName: imageStream,
          streamId: 1,
          tag: tag as TagName,
          dockerImageReference: `registry/${imageStream}:${tag}`,
          imageId: 1,
          previousImageId: null,
        })
      }
    })

  const schema = createTestSchema({ push, changeLog, progress, counters })
  return { schema, changeLog, push, counters, progress, [Symbol.dispose]: () => db[Symbol.dispose]() }
}

export type World = ReturnType<typeof createWorld>

const counted = (log: ChangeLog, counters: Counters): ChangeLog => ({
  ...log,
  read(options) {
    counters.reads++
    return log.read(options)
  },
  readEntries(range) {
    counters.reads++
    return log.readEntries(range)
  },
})

/** Like the field of the real schema, without its rules. */
export function filterOf({ namespace, imageStream, tag }: PushFilterArguments): PushFilter {
  if (tag === '') {
    throw Object.assign(new Error('"tag" is empty'), { code: 'INVALID', field: 'tag' })
  }
  return { namespace: namespace ?? undefined, imageStream: imageStream ?? undefined, tag: tag ?? undefined }
}

interface Wiring {
  readonly push: (input: PushInput) => void
  readonly changeLog: ChangeLog
  readonly progress: EventEmitter
  readonly counters: Counters
}

function createTestSchema({ push, changeLog, progress, counters }: Wiring): GraphQLSchema {
  const schema = buildSchema(TYPE_DEFINITIONS)
  const resolve = (type: string, resolvers: Record<string, Resolver>): void => {
    for (const [name, resolver] of Object.entries(resolvers)) {
      Object.assign(fieldsOf(schema, type)[name] ?? {}, { resolve: resolver })
    }
  }
  resolve('Query', {
    version: () => '1',
    requestId: (_source, _args, { requestId }) => requestId,
    fail: (_source, { how }) => fail(String(how)),
    list: (_source, { values }) => (values as unknown[]).length,
    nested: () => ({ leaf: 1 }),
    padding: (_source, { bytes }) => 'x'.repeat(Number(bytes)),
  })
  resolve('Nested', { nested: () => ({ leaf: 1 }) })
  resolve('Mutation', {
    push(_source, { tag }) {
      push({ tag: String(tag) })
      return changeLog.read({ descending: true, limit: 1 })[0]
    },
  })
  resolve('Subscription', {
    imagePushed(source) {
      counters.executions++
      return source
    },
  })
  resolve('ImagePush', {
    cursor: (source) => changeLog.cursor((source as Push).sequence),
    padding: (_source, { bytes }) => 'x'.repeat(Number(bytes)),
    fail: () => fail('INTERNAL'),
  })
  Object.assign(fieldsOf(schema, 'Subscription').importProgressed ?? {}, {
    subscribe: (_source: unknown, args: { import: string }) => follow(progress, args.import),
  })
  return schema
}

type Resolver = (
  source: unknown,
  args: Record<string, unknown>,
  context: GraphQLContext,
  info: GraphQLResolveInfo,
) => unknown

function fieldsOf(schema: GraphQLSchema, name: string): Record<string, object> {
  const type = schema.getType(name)
  if (!type || !('getFields' in type)) throw new Error(`${name} has no fields`)
  return type.getFields()
}

/** An iterator, and not an async generator, which cannot end while it waits. */
function follow(progress: EventEmitter, id: string): AsyncIterableIterator<unknown> {
  const events = on(progress, 'import', { close: ['done'] })
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const { done, value } = await events.next()
      if (done) return { done, value: undefined }
      const [imported] = value
      if (imported === 'fail') fail('INTERNAL')
      return { value: { importProgressed: { id, imported } } }
    },
    async return() {
      await events.return?.()
      return { done: true, value: undefined }
    },
  }
}

function fail(how: string): never {
  if (how === 'INVALID') throw Object.assign(new Error('"how" is wrong'), { code: 'INVALID', field: 'how' })
  if (how === 'GRAPHQL') throw new GraphQLError('plainly said', { extensions: { code: 'CONFLICT' } })
  if (how === 'REGISTRY_ERROR') {
    throw new RegistryError('no such repository', { reason: 'NotFound', registry: 'quay.io' })
  }
  if (how === 'RATE_LIMITED') throw new RateLimitedError('too much was used', 5)
  if (how === 'GRAPHQL_WITHOUT_CODE') throw new GraphQLError('Enum "Kind" cannot represent value: "secret"')
  if (how === 'INTERNAL') throw new Error('postgres://user:secret@db is down')
  // a store of blobs and Drizzle wrap the error of the disk and of the database
  const cause = Object.assign(new Error(`${how}: secret`), { code: how })
  throw /^(?:E|SQLITE)/.test(how) ? new Error('cannot write', { cause }) : cause
}

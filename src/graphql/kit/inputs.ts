import type { InputFieldMap, InputRef } from '@pothos/core'
import { streamNamed, tagNamed } from '../../input/qualified-name.ts'
import { checkRange } from '../../input/range.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { FieldAccess } from './access.ts'
import { builder } from './builder.ts'
import type { GraphQLContext } from './context.ts'

type Types = typeof builder.$inferSchemaTypes
type NativeFields = Parameters<Parameters<typeof builder.inputType<string, InputFieldMap>>[1]['fields']>[0]
type InputField<Value> = PothosSchemaTypes.InputFieldRef<Types, Value>
type Optional<Value> = InputField<Value | null | undefined>

/** The longest that a mutation waits for an import or a registry, in seconds. */
export const MAX_WAIT = 300

/** Returns the `waitSeconds` argument. Throws InvalidInputError. */
export const checkWait = (seconds: number): number => checkRange('waitSeconds', seconds, 0, MAX_WAIT)

const describeNamespace = (named = 'image stream'): string =>
  `Namespace of the ${named}. If omitted, it is the first component of a name with a slash, and otherwise \`default\`.`
const STREAM_FORM = '`app`, or `team/app` with its namespace'

interface NamesStream {
  readonly namespace?: string | null | undefined
  readonly imageStream: string
}

/** Returns the input with the namespace and the own name of the stream that it names. Throws InvalidInputError. */
export function ofStream<Input extends NamesStream>(input: Input): Omit<Input, 'namespace'> & StreamName {
  const { namespace, imageStream } = input
  const stream = streamNamed({ namespace, name: imageStream }, 'imageStream')
  return { ...input, ...stream, imageStream: stream.name }
}

/** Returns the input with the parts of the tag that it names. Throws InvalidInputError. */
export function ofTag<Input extends NamesStream & { readonly tag?: string | null | undefined }>(
  input: Input,
): Omit<Input, 'namespace' | 'tag'> & { readonly namespace: string; readonly tag: TagName } {
  const { namespace, imageStream, tag: given } = input
  const { name, ...parts } = tagNamed({ namespace, name: imageStream, tag: given }, 'imageStream')
  return { ...input, ...parts, imageStream: name }
}

/** Returns the definitions of input fields by their type, and those that several inputs have. */
const inputFields = (t: NativeFields) => ({
  // with the options of the builder, for limits and other defaults
  field: t.field.bind(t),
  int: t.int,
  float: t.float,
  string: (description: string) => t.string({ description }),
  requiredString: (description: string) => t.string({ required: true, description }),
  strings: (description: string) => t.stringList({ description }),
  requiredStrings: (description: string) => t.stringList({ required: true, description }),
  requiredId: (description: string) => t.id({ required: true, description }),
  boolean: (description: string) => t.boolean({ description }),
  requiredBoolean: (description: string) => t.boolean({ required: true, description }),
  /** False by default. */
  flag: (description: string) => t.boolean({ required: true, defaultValue: false, description }),
  digest: (description: string) => t.field({ type: 'Digest', description }),
  dateTime: (description: string) => t.field({ type: 'DateTime', description }),
  one: <Value>(type: InputRef<Value>, description: string): Optional<Value> => t.field({ type, description }),
  requiredOne: <Value>(type: InputRef<Value>, description: string): InputField<Value> =>
    t.field({ type, required: true, description }),
  list: <Value>(type: InputRef<Value>, description: string): Optional<Value[]> =>
    t.field({ type: [type], description }),
  requiredList: <Value>(type: InputRef<Value>, description: string): InputField<Value[]> =>
    t.field({ type: [type], required: true, description }),
  /** Of a mutation that removes in bulk; other mutations have a `flag` of their own. */
  dryRunByDefault: () =>
    t.boolean({
      required: true,
      defaultValue: true,
      description:
        'Whether to report what would be removed, and why the rest is kept, without removing anything; the default is true.',
    }),
  /** `meaning` starts the description: `Namespace of the image stream`. */
  namespace: (meaning: string) =>
    t.string({
      required: true,
      defaultValue: 'default',
      description: `${meaning}; the default is \`default\`.`,
    }),
  /** Namespace of the stream that another field of the input names; see `ofStream`. */
  streamNamespace: () => t.string({ description: describeNamespace() }),
  imageStream: () => t.string({ required: true, description: `Name of the image stream: ${STREAM_FORM}.` }),
  /** Name of a stream whose tag is `tag`, or that names the tag too; see `ofTag`. */
  imageStreamOfTag: (effect = '') =>
    t.string({
      required: true,
      description: `Name of the image stream: ${STREAM_FORM}. With the tag, as in \`app:v1\`, \`tag\` can be omitted.${effect}`,
    }),
  /** `meaning` starts the description: `Name of the tag to remove`. */
  tag: (meaning = 'Name of the tag') =>
    t.string({ description: `${meaning}, for example \`3.3\`. Required unless \`imageStream\` names it.` }),
  resourceVersion: (mismatch = 'has another one') =>
    t.string({
      description: `Expected \`resourceVersion\` of the image stream. If the stream ${mismatch}, the mutation fails with \`CONFLICT\`. If omitted, the server does not check.`,
    }),
  /** `work` is waited for, whose progress the subscription reports. */
  waitSeconds: (work = 'import', subscription = 'importProgressed') =>
    t.int({
      required: true,
      defaultValue: 30,
      description: `Number of seconds to wait for the ${work} to finish, 0 to ${MAX_WAIT}; the default is 30. With 0 the mutation returns at once; \`${subscription}\` reports the progress.`,
    }),
})

/** Defines an input type. */
export const inputType = <Fields extends InputFieldMap>(
  name: string,
  options: {
    readonly description: string
    readonly fields: (t: ReturnType<typeof inputFields>) => Fields
  },
) => builder.inputType(name, { ...options, fields: (t) => options.fields(inputFields(t)) })

/** Returns the argument `namespace`; `meaning` starts its description: `Namespace of the image stream`. */
export const namespaceArg = (meaning: string) =>
  builder.args((t) => ({
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: `${meaning}; the default is \`default\`.`,
    }),
  }))

/** Returns the argument `namespace` of the stream that another argument names; see `streamNamed`. */
export const streamNamespaceArg = (named?: string) =>
  builder.args((t) => ({ namespace: t.string({ description: describeNamespace(named) }) }))

interface MutationOptions<Input, Payload> {
  readonly description: string
  /** What the mutation requires of the viewer. */
  readonly access: FieldAccess
  /** A complete operation that selects this field. It runs as it is. */
  readonly example: string
  readonly input: InputRef<Input>
  readonly inputDescription: string
  readonly payload:
    | ReturnType<typeof builder.objectRef<Payload>>
    | PothosSchemaTypes.ObjectRef<Types, Payload>
  /** What it costs, whatever its selection: one of MUTATION_COMPLEXITY. */
  readonly complexity: number
  readonly resolve: (input: Input, context: GraphQLContext) => Payload | Promise<Payload>
}

/** Adds a mutation with the argument `input`. */
export function mutation<Input extends object, Payload extends object>(
  name: string,
  options: MutationOptions<Input, Payload>,
): void
// the builder cannot relate type parameters to the shapes of references: inside, shapes are objects
export function mutation(
  name: string,
  { input, inputDescription, payload, resolve, ...options }: MutationOptions<object, object>,
): void {
  builder.mutationField(name, (t) =>
    t.field({
      ...options,
      type: payload,
      args: { input: t.arg({ type: input, required: true, description: inputDescription }) },
      resolve: (_mutation, args, context) => resolve(args.input, context),
    }),
  )
}

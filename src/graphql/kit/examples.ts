import SchemaBuilder, {
  BasePlugin,
  type FieldNullability,
  type InputFieldMap,
  type PothosOutputFieldConfig,
  type SchemaTypes,
  type TypeParam,
} from '@pothos/core'
import type { GraphQLField } from 'graphql'
import { isRootField } from '../work/root-fields.ts'

/** Adds the option `example` to root fields: their description and `extensions.example` contain the operation. */
class ExamplesPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onOutputFieldConfig(field: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    if (!isRootField(field)) return field
    const { pothosOptions, description, extensions } = field
    const { example } = pothosOptions as { readonly example?: string | undefined }
    if (example === undefined) return field
    const operation = withoutIndent(example)
    return {
      ...field,
      description: `${description}\n\n\`\`\`graphql\n${operation}\n\`\`\``,
      extensions: { ...extensions, example: operation },
    }
  }
}

/** Returns the lines of a text without the indentation that all of them share, and without empty lines around them. */
function withoutIndent(text: string): string {
  const lines = text.replace(/^\s*\n|\s+$/g, '').split('\n')
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/))
  const shared = Math.min(...indents)
  return lines.map((line) => line.slice(shared)).join('\n')
}

/** Name of the plugin, for the builder. */
export const EXAMPLES_PLUGIN = 'examples'

SchemaBuilder.registerPlugin(EXAMPLES_PLUGIN, ExamplesPlugin)

/** Returns the example of a root field; undefined without one. */
export const exampleOf = ({ extensions }: GraphQLField<unknown, unknown>): string | undefined =>
  typeof extensions.example === 'string' ? extensions.example : undefined

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      examples: ExamplesPlugin<Types>
    }
    interface QueryFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** A complete operation that selects this field, in the language of GraphQL. It runs as it is. */
      example: string
    }
    interface MutationFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** As that of queries. */
      example: string
    }
    interface SubscriptionFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveShape,
      ResolveReturnShape,
    > {
      /** As that of queries. */
      example: string
    }
  }
}

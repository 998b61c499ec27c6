import type { GraphQLField, GraphQLObjectType, GraphQLSchema } from 'graphql'
import { exampleOf } from '../../src/graphql/kit/examples.ts'

const INTRODUCTION = `# Examples

One operation for each root field, from the code of the field; a test runs all of them. \`npm run schema\` writes this file.
What the server chooses, such as ids and digests, is a variable; everything else can be sent as it is.
`

const byName = (one: { readonly name: string }, other: { readonly name: string }): number =>
  one.name < other.name ? -1 : 1

/** Returns the first sentence of the description, and the example. */
function printField(field: GraphQLField<unknown, unknown>): string {
  const [sentence = ''] = (field.description ?? '').split(/(?<=[.:]) (?=[A-Z`])|\n/, 1)
  return `### ${field.name}\n\n${sentence.replace(/:$/, '.')}\n\n\`\`\`graphql\n${exampleOf(field)}\n\`\`\`\n`
}

const printType = (heading: string, type: GraphQLObjectType | null | undefined): string =>
  [
    `## ${heading}\n`,
    ...Object.values(type?.getFields() ?? {})
      .sort(byName)
      .map(printField),
  ].join('\n')

/** Returns the text of `src/graphql/examples.md`. */
export const printExamples = (schema: GraphQLSchema): string =>
  [
    INTRODUCTION,
    printType('Queries', schema.getQueryType()),
    printType('Mutations', schema.getMutationType()),
    printType('Subscriptions', schema.getSubscriptionType()),
  ].join('\n')

import { GraphQLError, type GraphQLResolveInfo } from 'graphql'
import { isObject } from '../../oci/json.ts'

/** Characters of the documents of one response: they are in memory together. The last one may exceed it. */
export const MAX_DOCUMENT_CHARACTERS = 32 * 1024 * 1024

/** Characters of the documents so far, by the context of a query or the event of a subscription. */
const spent = new WeakMap<object, number>()

/**
 * Returns the value of `make` and counts its characters. Throws an error with the code TOO_COMPLEX, without calling `make`, once
 * the documents of the response are too long.
 */
export function withinDocumentBudget<Document>(
  context: object,
  { rootValue }: Pick<GraphQLResolveInfo, 'rootValue'>,
  { make, lengthOf }: { make(): Document; lengthOf(document: Document): number },
): Document {
  const response = isObject(rootValue) ? rootValue : context
  const before = spent.get(response) ?? 0
  if (before > MAX_DOCUMENT_CHARACTERS) {
    throw new GraphQLError(
      `the documents have more than ${MAX_DOCUMENT_CHARACTERS} characters: use smaller pages`,
      { extensions: { code: 'TOO_COMPLEX' } },
    )
  }
  const document = make()
  spent.set(response, before + lengthOf(document))
  return document
}

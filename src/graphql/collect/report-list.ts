import { builder } from '../kit/builder.ts'

type Ref<Item> = ReturnType<ReturnType<typeof builder.objectRef<Item>>['implement']>

/** One list of a garbage collection plan or a prune report: its first items after a cursor. */
export interface ReportList<Item> {
  readonly total: number
  readonly items: readonly Item[]
  readonly endCursor: string | null
}

/** Returns the list with the cursor of its last item. */
export function reportList<Item>(
  { total, items }: Omit<ReportList<Item>, 'endCursor'>,
  cursorOf: (item: Item) => string,
): ReportList<Item> {
  const last = items.at(-1)
  return { total, items, endCursor: last === undefined ? null : cursorOf(last) }
}

/** Defines the type of a list; `items` is the plural noun for the descriptions. */
export function reportListType<Item extends object>(
  name: string,
  type: Ref<Item>,
  texts: { readonly items: string; readonly description: string },
): Ref<ReportList<Item>>
// the builder cannot relate a type parameter to the items of a reference: inside, items are objects
export function reportListType(
  name: string,
  itemType: Ref<object>,
  { items, description }: { readonly items: string; readonly description: string },
): Ref<ReportList<object>> {
  return builder.objectRef<ReportList<object>>(name).implement({
    description,
    fields: (t) => ({
      totalCount: t.exposeInt('total', { description: `Number of ${items} in the whole list.` }),
      nodes: t.field({
        type: [itemType],
        description: `The first ${items} after the cursor of the input; at most \`first\`.`,
        resolve: (list) => list.items,
      }),
      endCursor: t.exposeString('endCursor', {
        nullable: true,
        description: 'Cursor of the last item, for the input of the next dry run; null on an empty list.',
      }),
    }),
  })
}

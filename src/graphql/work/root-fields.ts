import type { PothosOutputFieldConfig, SchemaTypes } from '@pothos/core'

/** Reports whether the field is one of Query, Mutation or Subscription. */
export const isRootField = <Types extends SchemaTypes>({
  kind,
}: Pick<PothosOutputFieldConfig<Types>, 'kind'>): boolean =>
  kind === 'Query' || kind === 'Mutation' || kind === 'Subscription'

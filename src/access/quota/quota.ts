import type { quotas } from '../../db/tables/index.ts'

/** What a namespace may hold and do; null for no limit. */
export type QuotaLimits = Pick<typeof quotas.$inferSelect, 'streams' | 'tags' | 'bytes' | 'requestsPerHour'>

/** What a namespace holds, which a quota limits. */
export type HeldResource = Exclude<keyof QuotaLimits, 'requestsPerHour'>

/** Stands for the namespaces without limits of their own. */
export const DEFAULT_QUOTA = '*'

export const NO_LIMITS: QuotaLimits & { readonly updatedAt?: undefined } = {
  streams: null,
  tags: null,
  bytes: null,
  requestsPerHour: null,
}

const NAMES: Readonly<Record<HeldResource, string>> = {
  streams: 'image streams',
  tags: 'tags with an image',
  bytes: 'bytes of blobs and manifests',
}

/** Returns why something is refused: which quota, how much of it is used, and the limit. */
export const exceededText = (
  namespace: string,
  { resource, used, limit, added }: ResourceUse & { readonly added: number },
): string => {
  const needed = added === 0 ? '' : `, and ${added} more ${added === 1 ? 'is' : 'are'} needed`
  const unfinished = resource === 'bytes' ? ', unfinished uploads included' : ''
  return `the quota of the namespace ${namespace} does not allow it: it has ${used} of at most ${limit} ${NAMES[resource]}${needed}${unfinished}; remove some, or ask a server admin for a higher quota`
}

/** How much of a quota is used. */
export interface ResourceUse {
  readonly resource: HeldResource
  readonly used: number
  readonly limit: number
}

import type { GraphQLResolveInfo } from 'graphql'
import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import type { ReferrerKind } from '../../trust/referrer/referrer.ts'
import type { ReferrersOfImage } from '../../trust/referrer/referrers.ts'
import { pullSpecOf } from '../image/image-content.ts'
import { loadById } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { type Connection, type ConnectionArguments, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { listConnection } from '../kit/list-page.ts'
import { ImageStreamImageType, ImageStreamTagType, ImageType } from '../kit/references.ts'
import { lookupOptionsOf, maxAgeArgs } from './lookup-budget.ts'
import { type PlacedReferrer, ReferrerKindEnum, ReferrerType } from './referrer.ts'

/** A page of an image's referrers, with the state of the whole list. */
type ReferrerPage = Connection<PlacedReferrer> & { readonly check: ReferrersOfImage }

const ReferrerConnection = connectionType('Referrer', ReferrerType, { items: 'referrers' })
/** Every connection of this type is a `ReferrerPage`. */
const checkOf = (connection: Connection<PlacedReferrer>): ReferrersOfImage =>
  (connection as ReferrerPage).check

builder.objectFields(ReferrerConnection, (t) => ({
  isComplete: t.boolean({
    description:
      'Whether the list contains all referrers. False if there are more than the server reads, or if no request to the registry has succeeded yet.',
    resolve: (connection) => checkOf(connection).isComplete,
  }),
  checkedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Time of the registry’s response; null if there was none.',
    resolve: (connection) => checkOf(connection).checkedAt,
  }),
  reason: t.field({
    type: FailureReasonEnum,
    nullable: true,
    description:
      'Why the last request to the registry failed. The referrers are then from an earlier response. Null if the request succeeded.',
    resolve: (connection) => checkOf(connection).failure?.reason,
  }),
  message: t.string({
    nullable: true,
    description: 'Explanation for people why the last request to the registry failed; null if it succeeded.',
    resolve: (connection) => checkOf(connection).failure?.message,
  }),
  refused: t.stringList({
    description:
      'Listed artifacts that were omitted, each with the reason: it refers to another image, or does not exist. At most 1,000, as many as the server reads.',
    resolve: (connection) => [...checkOf(connection).refused],
  }),
}))

interface ReferrersArguments extends ConnectionArguments {
  readonly kind?: ReferrerKind | null | undefined
  readonly artifactType?: string | null | undefined
  readonly maxAgeSeconds: number
}

const referrersArgs = builder.args((t) => ({
  kind: t.field({ type: ReferrerKindEnum, description: 'Returns only artifacts of this kind.' }),
  artifactType: t.string({
    description: 'Returns only artifacts with this artifact type, for example `application/spdx+json`.',
  }),
}))

const keyOf = ({ digest }: PlacedReferrer): [string] => [digest]
const cursors = keyCursors<PlacedReferrer>('referrers', keyOf, ['string'])
// may cost requests to a registry
const COMPLEXITY = 100

const NO_REFERRERS: ReferrersOfImage = {
  referrers: [],
  isComplete: false,
  checkedAt: null,
  failure: null,
  refused: [],
}

async function referrersOf(
  image: ImageLocation | undefined,
  { kind, artifactType, maxAgeSeconds, ...args }: ReferrersArguments,
  context: GraphQLContext,
  info: GraphQLResolveInfo,
): Promise<ReferrerPage> {
  // refuses wrong arguments before a registry is requested
  pageOf(args, cursors, info)
  const options = lookupOptionsOf(maxAgeSeconds, context, info)
  const check = image
    ? await context.trust.referrers.of(image, { artifactType: artifactType ?? null, ...options })
    : NO_REFERRERS
  const all = check.referrers
    .filter((one) => kind == null || one.kind === kind)
    .map((one) => ({ ...one, image: image as ImageLocation }))
    .toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  return Object.assign(listConnection(args, info, { cursors, keyOf, items: all }), { check })
}

const args = { ...referrersArgs, ...maxAgeArgs, ...connectionArgs }
const complexity = (given: ConnectionArguments) => ({ ...pageComplexity(given), field: COMPLEXITY })

builder.objectField(ImageStreamTagType, 'referrers', (t) =>
  t.field({
    type: ReferrerConnection,
    description:
      'Artifacts that refer to the image that the tag points to, ordered by digest, from the repository from which the image was imported or to which it was pushed. The registry is requested unless a recent response is cached; `reason` contains a failure.',
    args,
    complexity,
    resolve: (tag, given, context, info) => referrersOf(imageOfTag(tag, context), given, context, info),
  }),
)

/** Returns the image that a tag points to, and its repository, loaded for the tag's batch. */
export const imageOfTag = (tag: { readonly id: number }, { trust }: GraphQLContext) =>
  loadById(tag, 'place', (ids) => trust.locations.ofTags(ids))

builder.objectField(ImageStreamImageType, 'referrers', (t) =>
  t.field({
    type: ReferrerConnection,
    description:
      'Artifacts that refer to the image, ordered by digest, from the repository from which the image stream last got the image. The registry is requested unless a recent response is cached; `reason` contains a failure.',
    args,
    complexity,
    resolve: ({ stream, image }, given, context, info) =>
      referrersOf(context.trust.locations.inStream(stream.id, image.id), given, context, info),
  }),
)

builder.objectField(ImageType, 'referrers', (t) =>
  t.field({
    type: ReferrerConnection,
    description:
      'Artifacts that refer to the image, ordered by digest, from the repository of `dockerImageReference`. No credentials of a namespace are used: those of the tag’s namespace are for `ImageStreamTag.referrers`. The registry is requested unless a recent response is cached.',
    args,
    complexity,
    resolve: (image, given, context, info) =>
      referrersOf(
        context.trust.locations.ofPullSpec(pullSpecOf(image, context), image.digest),
        given,
        context,
        info,
      ),
  }),
)

import type { GraphQLResolveInfo } from 'graphql'
import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import type { ReferrerKind } from '../../trust/referrer/referrer-kind.ts'
import type { ReferrersOfImage } from '../../trust/referrer/referrers.ts'
import { loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { Connection, type ConnectionArguments, keyCursors, pageOf } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { rowsOfList } from '../kit/list-page.ts'
import { lookupOptionsOf, maxAgeArgs } from '../kit/lookup-budget.ts'
import { ImageStreamImageType, ImageStreamTagType, ImageType } from '../kit/object-types.ts'
import { type PlacedReferrer, ReferrerKindEnum, ReferrerType } from './referrer.ts'

/** A page of what is attached to an image, and what is known of the whole. */
class ReferrerPage extends Connection<PlacedReferrer> {
  readonly check: ReferrersOfImage

  constructor(source: ConstructorParameters<typeof Connection<PlacedReferrer>>[0], check: ReferrersOfImage) {
    super(source)
    this.check = check
  }
}

const ReferrerConnection = connectionType('Referrer', ReferrerType, {
  items: 'referrers',
})
/** Every connection of this type is made here. */
const checkOf = (connection: Connection<PlacedReferrer>): ReferrersOfImage =>
  (connection as ReferrerPage).check

builder.objectFields(ReferrerConnection, (t) => ({
  isComplete: t.boolean({
    description: 'False when more is attached than is read, or the registry was never asked with success.',
    resolve: (connection) => checkOf(connection).isComplete,
  }),
  checkedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When the registry told; null when it never did.',
    resolve: (connection) => checkOf(connection).checkedAt,
  }),
  reason: t.string({
    nullable: true,
    description:
      'Why the registry could not be asked when it was last tried, as in conditions: `RegistryUnavailable`, `Unauthorized`, `TooManyRequests`. Null when it could; what is told then is from before.',
    resolve: (connection) => checkOf(connection).failure?.reason,
  }),
  message: t.string({
    nullable: true,
    description: 'The same for a person; null when the registry could be asked.',
    resolve: (connection) => checkOf(connection).failure?.message,
  }),
  refused: t.stringList({
    description:
      'What is listed and left out, each with the reason: it is about another image, or not there.',
    resolve: (connection) => [...checkOf(connection).refused],
  }),
}))

interface ReferrersArguments extends ConnectionArguments {
  readonly kind?: ReferrerKind | null | undefined
  readonly artifactType?: string | null | undefined
  readonly maxAgeSeconds: number
}

const referrersArgs = builder.args((t) => ({
  kind: t.field({ type: ReferrerKindEnum, description: 'Only what is of this kind.' }),
  artifactType: t.string({ description: 'Only what has this artifact type: `application/spdx+json`.' }),
}))

const keyOf = ({ digest }: PlacedReferrer): [string] => [digest]
const cursors = keyCursors<PlacedReferrer>('referrers', keyOf, ['string'])
/** It may cost requests to a registry. */
const COMPLEXITY = 100

const NOWHERE: ReferrersOfImage = {
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
  const page = pageOf(args, cursors, info)
  const options = lookupOptionsOf(maxAgeSeconds, context, info)
  const check = image
    ? await context.trust.referrers.of(image, { artifactType: artifactType ?? null, ...options })
    : NOWHERE
  const all = check.referrers
    .filter((one) => kind == null || one.kind === kind)
    .map((one) => ({ ...one, image: image as ImageLocation }))
    .toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  return new ReferrerPage(
    { page, cursors, rows: () => rowsOfList(all, keyOf, page), totalCount: () => all.length },
    check,
  )
}

const args = { ...referrersArgs, ...maxAgeArgs, ...connectionArgs }
const complexity = (given: ConnectionArguments) => ({ ...pageComplexity(given), field: COMPLEXITY })

builder.objectField(ImageStreamTagType, 'referrers', (t) =>
  t.field({
    type: ReferrerConnection,
    description:
      'What is attached to the image that it means now, in the repository that it was imported from or pushed to, by digest. Asks that registry, unless it was asked lately; what it does not answer is told as `reason`.',
    args,
    complexity,
    resolve: (tag, given, context, info) => referrersOf(imageOfTag(tag, context), given, context, info),
  }),
)

/** What a tag means and where that is, read for all that were read together with it. */
export const imageOfTag = (tag: { readonly id: number }, { trust }: GraphQLContext) =>
  loadForBatch(tag, 'place', (tags) => trust.locations.ofTags(tags.map(({ id }) => id))).get(tag.id)

builder.objectField(ImageStreamImageType, 'referrers', (t) =>
  t.field({
    type: ReferrerConnection,
    description:
      'What is attached to the image in the repository from which the stream last got it, by digest. Asks that registry, unless it was asked lately.',
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
      'What is attached to it in the repository in which it was first seen, read with the server’s own credentials; a tag knows its own repository. Asks that registry, unless it was asked lately.',
    args,
    complexity,
    resolve: (image, given, context, info) =>
      referrersOf(context.trust.locations.ofImage(image.id), given, context, info),
  }),
)

import type { Digest } from '../../oci/digest.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageType } from '../kit/references.ts'

/** Returns the field `image` of an item of a plan: its image if the server has a record of it. */
export const recordedImage = (description: string) => ({
  type: ImageType,
  nullable: true as const,
  description,
  resolve: ({ digest }: { readonly digest: Digest }, _args: object, { viewer, images }: GraphQLContext) =>
    images.byDigest(viewer, digest),
})

import type { Push } from '../../events/push-filter.ts'
import type { Image, ImageSummary, TransientImage } from '../../imagestream/image/image.ts'
import type { ImageStream, SpecTag } from '../../imagestream/spec/spec.ts'
import type { Import, ImportResult } from '../../imagestream/stored-import/import-state.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import type { TagEvent } from '../../imagestream/tag/tag-event.ts'
import type { StoredMove } from '../../imagestream/watch/reported-moves.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { Descriptor, Platform } from '../../oci/descriptor.ts'
import type { ImageConfig } from '../../oci/image-config.ts'
import { builder } from './builder.ts'

// References to the object types, for fields of any file; the file of each type implements it.

/** An image of the database, whole or as the summary that a list of tags includes, or an image of a dry run. */
export type AnyImage = ImageSummary | Image | TransientImage

export const ImageStreamType = builder.objectRef<ImageStream>('ImageStream')
export const ImageStreamSpecType = builder.objectRef<ImageStream>('ImageStreamSpec')
export const ImageLookupPolicyType = builder.objectRef<ImageStream>('ImageLookupPolicy')
export const TagImportPolicyType =
  builder.objectRef<Pick<ImageStream, 'insecure' | 'scheduled' | 'importMode'>>('TagImportPolicy')
export const TagReferenceType = builder.objectRef<SpecTag>('TagReference')
export const TagReferencePolicyType = builder.objectRef<SpecTag>('TagReferencePolicy')
export const ObjectReferenceType = builder.objectRef<SpecTag>('ObjectReference')
export const ImageStreamTagType = builder.objectRef<Tag>('ImageStreamTag')
export const TagEventType = builder.objectRef<TagEvent>('TagEvent')
export const ReportedMoveType = builder.objectRef<StoredMove>('ReportedMove')
export const ImageStreamImageType = builder.objectRef<{ stream: ImageStream; image: Image }>(
  'ImageStreamImage',
)
export const ImageType = builder.objectRef<AnyImage>('Image')
export const ImageLayerType = builder.objectRef<Descriptor>('ImageLayer')
export const IndexEntryType = builder.objectRef<{ descriptor: Descriptor; index: AnyImage }>('IndexEntry')
export const PlatformType = builder.objectRef<Platform>('Platform')
export const ImageConfigType = builder.objectRef<ImageConfig>('ImageConfig')
export const ImagePushType = builder.objectRef<Push>('ImagePush')
export const ImportType = builder.objectRef<Import>('Import')
export const ImportResultType = builder.objectRef<ImportResult & { readonly importId: number }>(
  'ImportResult',
)
export const KeyValueType = builder.objectRef<KeyValue>('KeyValue')

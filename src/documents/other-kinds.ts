import { isPlainObject } from './fields.ts'
import { cut } from './source.ts'

/** A document of a kind that is not applied. */
export interface SkippedDocument {
  readonly kind: string
  /** `metadata.name`; null where it is missing. */
  readonly name: string | null
  /** Number of the document among all of them, from 1. */
  readonly position: number
  /** Why it is skipped, and what to use in its place. */
  readonly message: string
}

/** What to use in place of the kinds that resemble an image stream. */
const INSTEAD: Readonly<Record<string, string>> = {
  image: 'an image is stored when a tag points to it: importImage, mirrorImage or a push stores it',
  imagesignature: 'push the signature to the registry as a referrer of its image',
  imagestreamimage:
    'a tag points to an image by its digest: tagImage sets it, or spec.tags of an ImageStream',
  imagestreamlayers: 'the server computes it',
  imagestreammapping: 'importImage, mirrorImage or a push stores an image and points a tag to it',
  imagestreamtag: 'tagImage sets one tag; or write it in spec.tags of an ImageStream',
  imagetag: 'tagImage sets one tag; or write it in spec.tags of an ImageStream',
  template: '`oc process --local -f FILE -o yaml` writes its objects as a List, which can be applied',
}

const APPLIED = ['ImageStream', 'ImageStreamImport', 'ImageStreamList'] as const

/** Returns the result for a document of another kind than those that are applied. */
export function skippedDocument(value: object, kind: string, position: number): SkippedDocument {
  const { metadata } = value as { readonly metadata?: unknown }
  const { name } = isPlainObject(metadata) ? (metadata as { readonly name?: unknown }) : {}
  return {
    kind: cut(kind),
    name: typeof name === 'string' ? cut(name) : null,
    position,
    message: messageOf(value, kind),
  }
}

function messageOf(value: object, kind: string): string {
  const lower = kind.toLowerCase()
  const meant = APPLIED.find((applied) => applied.toLowerCase() === lower)
  if (meant) return `kinds are case-sensitive: write ${meant}`
  const list = lower.endsWith('list') && INSTEAD[lower.slice(0, -'list'.length)]
  const instead = Object.hasOwn(INSTEAD, lower) ? INSTEAD[lower] : list
  if (instead && isOpenShifts(value)) return instead
  return 'only ImageStream and ImageStreamImport are applied here: apply it to the cluster'
}

/** Reports whether the kind is one of OpenShift: other API groups have kinds of the same names. */
function isOpenShifts(value: object): boolean {
  const { apiVersion } = value as { readonly apiVersion?: unknown }
  if (typeof apiVersion !== 'string' || !apiVersion.includes('/')) return true
  return apiVersion.slice(0, apiVersion.indexOf('/')).endsWith('.openshift.io')
}

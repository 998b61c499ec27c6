// The operations of two components that read the same stream, for each client.

const STREAM = 'imageStream(name: "shop/app")'

/** A heading: fields of the stream, of its desired state, and the image of one tag. */
export const HEAD = `query HeadQuery { ${STREAM} {
  id name changedAt labels { key value }
  spec { id importPolicy { insecure } lookupPolicy { local } }
  tag(name: "latest") { id image { id digest } }
} }`

/** A page of the tags, and other fields of the same objects. */
export const PAGE = `query PageQuery($first: Int, $after: String, $last: Int, $before: String) { ${STREAM} {
  id generation
  spec { id importPolicy { scheduled importMode } }
  tags(first: $first, after: $after, last: $last, before: $before, orderBy: NEWEST_FIRST) {
    edges { cursor node { id tag image { id digest size } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
} }`

/** A stream by its id: all fields of a new image that a component shows, or the component has to request them. */
export const REFETCH = `query RefetchQuery($id: ID!) { node(id: $id) {
  id ... on ImageStream { changedAt tag(name: "latest") { id image { id digest size } } }
} }`

/** Sets the labels. */
export const LABEL = `mutation LabelMutation($labels: [KeyValueInput!]) {
  updateImageStream(input: { imageStream: "shop/app", labels: $labels }) {
    imageStream { id labels { key value } }
  }
}`

/** Removes a tag. */
export const UNTAG = `mutation UntagMutation($tag: String!) {
  untagImage(input: { imageStream: "shop/app", tag: $tag }) { deletedId }
}`

/** Follows the pushes, and updates the tag in a cache. */
export const PUSHED = `subscription PushedSubscription($since: String) {
  imagePushed(imageStream: "shop/app", since: $since) {
    id cursor tag image { id digest } imageStreamTag { id image { id digest size } }
  }
}`

export interface Head {
  readonly imageStream: {
    readonly id: string
    readonly name: string
    readonly changedAt: string
    readonly labels: readonly { readonly key: string; readonly value: string }[]
    readonly tag: { readonly image: { readonly digest: string } }
  }
}

export interface Page {
  readonly imageStream: {
    readonly id: string
    readonly tags: {
      readonly edges: readonly {
        /** Null in Relay after the tag was deleted. */
        readonly node: { readonly tag: string; readonly image: { readonly digest: string } } | null
      }[]
      readonly pageInfo: {
        readonly hasNextPage: boolean
        readonly hasPreviousPage: boolean
        readonly startCursor: string
        readonly endCursor: string
      }
    }
  }
}

export interface Untagged {
  readonly untagImage: { readonly deletedId: string }
}

export interface Pushed {
  readonly imagePushed: {
    readonly cursor: string
    readonly tag: string
    readonly image: { readonly digest: string }
  }
}

import { isRepositoryName } from './reference.ts'

/** Name of an image stream, and of the repository of the integrated registry that belongs to it. */
export interface StreamName {
  readonly namespace: string
  readonly name: string
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
const MAX_LENGTH = 253

/** What a client is told when a namespace is refused. */
export const NAMESPACE_GRAMMAR =
  '1 to 63 lowercase letters, digits and dashes, beginning and ending with a letter or digit'

/** What a client is told when a stream's name is refused. */
export const STREAM_NAME_GRAMMAR =
  `at most ${MAX_LENGTH} lowercase letters, digits, dashes and dots, ` +
  'each part beginning and ending with a letter or digit, and namespace/name at most 255 characters'

/** Whether the text is a DNS label. */
export const isNamespace = (text: string): boolean => LABEL.test(text)

/** Whether the text is a DNS subdomain, and `namespace/name` a repository that can be pushed to. */
export const isStreamName = (namespace: string, name: string): boolean =>
  name.length <= MAX_LENGTH && SUBDOMAIN.test(name) && isRepositoryName(`${namespace}/${name}`)

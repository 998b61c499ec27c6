import { isRepositoryName } from './reference.ts'

/** Name of an image stream, and of the repository of the integrated registry that belongs to it. */
export interface StreamName {
  readonly namespace: string
  readonly name: string
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
const MAX_LENGTH = 253

/** Grammar of namespaces, for messages. */
export const NAMESPACE_GRAMMAR =
  '1 to 63 lowercase letters, digits and dashes, beginning and ending with a letter or digit'

/** Grammar of stream names, for messages. */
export const STREAM_NAME_GRAMMAR =
  `at most ${MAX_LENGTH} lowercase letters, digits, dashes and dots, ` +
  'each part beginning and ending with a letter or digit, and namespace/name at most 255 characters'

/** Reports whether the text is a DNS label. */
export const isNamespace = (text: string): boolean => LABEL.test(text)

/** Reports whether the text is a DNS subdomain, and `namespace/name` a valid repository. */
export const isStreamName = (namespace: string, name: string): boolean =>
  name.length <= MAX_LENGTH && SUBDOMAIN.test(name) && isRepositoryName(`${namespace}/${name}`)

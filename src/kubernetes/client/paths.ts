import { InvalidInputError, quoted } from '../../input/errors.ts'

/** Where objects are in the API. */
export interface ResourceAddress {
  /** `apps/v1`, or `v1` for the core group. */
  readonly apiVersion: string
  /** Name of the resource, in the plural: `deployments`. */
  readonly resource: string
  /** Undefined for all namespaces, and for objects of the whole cluster. */
  readonly namespace?: string | undefined
  /** Undefined for the list. */
  readonly name?: string | undefined
  /** `instantiate`, `scale`; undefined for the object itself. */
  readonly subresource?: string
}

// `..` would lead to another resource, since URLs are normalised; a few resources, as of RBAC, have colons in names
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,253}$/
const API_VERSION = /^(?:[a-z0-9][a-z0-9.-]{0,252}\/)?v[a-z0-9]{1,62}$/

/** Returns the path of objects in the API: `/apis/apps/v1/namespaces/web/deployments/shop`. Throws InvalidInputError. */
export function resourcePath({
  apiVersion,
  resource,
  namespace,
  name,
  subresource,
}: ResourceAddress): string {
  if (!API_VERSION.test(apiVersion)) {
    throw new InvalidInputError('apiVersion', `${quoted(apiVersion)} is not an API version such as apps/v1`)
  }
  const segments = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  const wrong = segments.find((segment) => !NAME.test(segment))
  if (wrong !== undefined) {
    throw new InvalidInputError(
      'name',
      `${quoted(wrong)} is not a name in Kubernetes: letters, digits, dashes and dots`,
    )
  }
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${[apiVersion, ...segments].join('/')}`
}

import { textOf } from '../../oci/json.ts'
import { InvalidReferenceError, parseReference, type Reference } from '../../oci/reference.ts'
import { at, quoted } from '../delivery/body.ts'
import type { CloudEvent } from '../delivery/cloud-event.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf, type ReportedChange } from '../delivery/hints.ts'

const TYPE = /^dev\.cdevents\.artifact\.(\w+)(?:\.|$)/
const actionOf = actionsOf({ published: 'push', packaged: 'push', deleted: 'delete' })
const PACKAGE = /^pkg:oci\/[^@?#]+(?:@([^?#]*))?(?:\?([^#]*))?/

/**
 * Returns the change that a CDEvent reports; null when it reports none, undefined for another event. Throws
 * InvalidDeliveryError.
 * Source: CDEvents 0.4, continuous integration events, artifact.
 */
export function readCdEvent({ type, data }: CloudEvent): ReportedChange | null | undefined {
  const predicate = TYPE.exec(type)?.[1]
  if (predicate === undefined) return undefined
  const action = actionOf(predicate)
  return action ? { ...imageOf(at(data, 'subject', 'id')), action } : null
}

/** Source: package-url, types, oci: `pkg:oci/app@sha256%3A…?repository_url=registry/team/app&tag=v1`. */
function imageOf(id: unknown): Reference {
  const [, version = '', qualifiers = ''] = PACKAGE.exec(textOf(id)) ?? []
  const named = new URLSearchParams(qualifiers)
  const digest = decoded(version)
  const tag = named.get('tag') ?? ''
  try {
    return parseReference(`${named.get('repository_url') ?? ''}${tag && `:${tag}`}${digest && `@${digest}`}`)
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error
    throw new InvalidDeliveryError(
      `the subject is ${quoted(id)}: it must have the form pkg:oci/app@sha256:…?repository_url=registry/team/app&tag=v1`,
      { cause: error },
    )
  }
}

/** Decodes percent-encoding; invalid sequences are left as they are. */
const decoded = (text: string): string => new URLSearchParams(`text=${text}`).get('text') ?? ''

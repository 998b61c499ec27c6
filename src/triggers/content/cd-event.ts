import { PackageURL } from 'packageurl-js'
import { dataOf, type EventContext, type OutgoingEvent, sourceOf } from './cloud-event.ts'
import { type MovedTag, repositoryOf } from './moved-tag.ts'

// Source: CDEvents 0.5.1, continuous-integration.md and cloudevents-binding.md.

const SPEC_VERSION = '0.5.1'
const CD_EVENT_TYPE = 'dev.cdevents.artifact.published.0.3.0'

/** Returns the package URL of the image: `pkg:oci/app@sha256:…?repository_url=…&tag=…`. Source: purl-spec, type oci. */
export function purlOf(move: MovedTag): string {
  const repository = repositoryOf(move)
  const name = repository.slice(repository.lastIndexOf('/') + 1)
  const qualifiers = { repository_url: repository, tag: move.tag }
  return new PackageURL('oci', null, name, move.digest, qualifiers, null).toString()
}

/** Returns the move as the event `artifact.published` of CDEvents. */
export function cdEvent(move: MovedTag, context: EventContext): OutgoingEvent {
  const [id, source, subject] = [context.id, sourceOf(move, context), purlOf(move)]
  const time = new Date(move.movedAt).toISOString()
  return {
    attributes: { specversion: '1.0', type: CD_EVENT_TYPE, source, id, time, subject },
    data: {
      context: { specversion: SPEC_VERSION, id, source, type: CD_EVENT_TYPE, timestamp: time },
      subject: { id: subject, source, content: {} },
      customData: dataOf(move),
      customDataContentType: 'application/json',
    },
  }
}

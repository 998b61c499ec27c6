import { isDigest } from '../../oci/digest.ts'
import { isObject, textOf } from '../../oci/json.ts'
import { at, jsonOfBody, quoted } from '../delivery/body.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf } from '../delivery/hints.ts'
import { signedIn } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

const actionOf = actionsOf({ CREATED: 'push', UPDATED: 'push', DELETED: 'delete', PURGED: 'delete' })
/** Newer versions have a slash at the start. */
const MANIFEST = /^\/?v2\/(.+)\/manifests\/([^/]+)$/

/**
 * Sonatype Nexus Repository. Its deliveries have no tag and digest: these are in the path of an asset, or the version of a
 * component. They do not name the registry either.
 */
export const nexus: SenderDefinition = {
  title: 'Sonatype Nexus Repository',
  description: 'Sonatype Nexus Repository.',
  scheme: signedIn('x-nexus-webhook-signature', 'sha1'),
  settings: { pathPrefix: 'OPTIONAL' },

  read({ body, headers }, hints, { pathPrefix }) {
    const json = jsonOfBody(body)
    const item = at(json, 'asset') ?? at(json, 'component')
    if (!isObject(item)) throw new InvalidDeliveryError('the body has neither "asset" nor "component"')
    const action = actionOf(at(json, 'action'))
    const [name, reference] = item.format === 'docker' ? manifestOf(item) : []
    if (item.format !== 'docker') hints.ignore(`${quoted(item.format)}, which is not docker`)
    else if (!action) hints.ignore(`action ${quoted(at(json, 'action'))}`)
    else if (name === undefined) hints.ignore('asset that is not a manifest')
    else {
      hints.addTagged({
        repository: pathPrefix ? `${pathPrefix}/${name}` : name,
        tag: isDigest(reference) ? null : reference,
        digest: reference,
        action,
      })
    }
    return headers['x-nexus-webhook-delivery'] ?? ''
  },

  setUp: ({ url, secret }) => [
    'In Nexus open Settings, System, Capabilities, press Create capability and choose Webhook: Repository.',
    'Choose the hosted docker repository, and the event type asset.',
    `Enter the URL ${url}`,
    `Enter the Secret Key ${secret}`,
    'If references have a path before the name of the image, set pathPrefix to it.',
  ],

  sample({ repository, tag }, { pathPrefix }) {
    const prefix = pathPrefix ? `${pathPrefix}/` : ''
    const name = repository.startsWith(prefix) ? repository.slice(prefix.length) : repository
    return {
      timestamp: '2026-01-01T00:00:00.000+0000',
      repositoryName: 'docker-hosted',
      action: 'CREATED',
      asset: { format: 'docker', name: `v2/${name}/manifests/${tag}` },
    }
  },
}

/** Returns the name and the tag or digest of `v2/team/app/manifests/v1`, or of the component team/app with version v1. */
function manifestOf({ name, version }: Readonly<Record<string, unknown>>): readonly string[] {
  if (typeof version === 'string') return [textOf(name), version]
  return MANIFEST.exec(textOf(name))?.slice(1) ?? []
}

import { isObject } from '../../oci/descriptor.ts'
import { isDigest } from '../../oci/digest.ts'
import { authenticateSignature, type BodySignature, signBody } from '../delivery/authenticity.ts'
import { at, jsonOfBody, quoted, textOf } from '../delivery/body.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

const SIGNATURE: BodySignature = { header: 'x-nexus-webhook-signature', algorithm: 'sha1', prefix: '' }
const ACTIONS: ReadonlyMap<string, 'push' | 'delete'> = new Map([
  ['CREATED', 'push'],
  ['UPDATED', 'push'],
  ['DELETED', 'delete'],
  ['PURGED', 'delete'],
])
/** Newer versions have a slash at the start. */
const MANIFEST = /^\/?v2\/(.+)\/manifests\/([^/]+)$/

/**
 * Sonatype Nexus Repository. Its deliveries have no tag and digest: these are in the path of an asset, or the version of a
 * component. They do not name the registry either.
 */
export const nexus: Sender = {
  kind: 'NEXUS',
  title: 'Sonatype Nexus Repository',
  authenticity: 'SIGNATURE',
  methods: ['POST'],
  settings: { pathPrefix: 'OPTIONAL' },
  authenticate: async (delivery, secrets) => authenticateSignature(delivery, secrets, SIGNATURE),

  read({ body, headers }, { pathPrefix }) {
    const json = jsonOfBody(body)
    const item = at(json, 'asset') ?? at(json, 'component')
    if (!isObject(item)) {
      throw new InvalidDeliveryError('the body has neither "asset" nor "component"')
    }
    const hints = createHintCollector()
    const action = ACTIONS.get(textOf(at(json, 'action')))
    const manifest = item.format === 'docker' ? manifestOf(item) : undefined
    if (item.format !== 'docker') hints.ignore(`${quoted(item.format)}, which is not docker`)
    else if (!action) hints.ignore(`action ${quoted(at(json, 'action'))}`)
    else if (!manifest) hints.ignore('asset that is not a manifest')
    else if (action === 'push' && isDigest(manifest.reference)) hints.ignore('push by digest')
    else {
      const { name, reference } = manifest
      hints.add({
        registry: null,
        repository: pathPrefix ? `${pathPrefix}/${name}` : name,
        tag: isDigest(reference) ? null : reference,
        digest: reference,
        action,
      })
    }
    return hints.parsed(headers['x-nexus-webhook-delivery'] ?? '')
  },

  setUp: ({ url, secret }) => [
    'In Nexus open Settings, System, Capabilities, press Create capability and choose Webhook: Repository.',
    'Choose the hosted docker repository, and the event type asset.',
    `Enter the URL ${url}`,
    `Enter the Secret Key ${secret}`,
    'If references have a path before the name of the image, set pathPrefix to it.',
  ],

  sample({ secret, settings }, { repository, tag }) {
    const prefix = settings.pathPrefix ? `${settings.pathPrefix}/` : ''
    const name = repository.startsWith(prefix) ? repository.slice(prefix.length) : repository
    const delivery = postOf({
      timestamp: '2026-01-01T00:00:00.000+0000',
      repositoryName: 'docker-hosted',
      action: 'CREATED',
      asset: { format: 'docker', name: `v2/${name}/manifests/${tag}` },
    })
    const headers = { ...delivery.headers, [SIGNATURE.header]: signBody(delivery.body, secret, SIGNATURE) }
    return { ...delivery, headers }
  },
}

/** Parses `v2/team/app/manifests/v1`, or the component team/app with version v1. */
function manifestOf({
  name,
  version,
}: Readonly<Record<string, unknown>>): { readonly name: string; readonly reference: string } | undefined {
  if (typeof version === 'string') return { name: textOf(name), reference: version }
  const [, repository, reference] = MANIFEST.exec(textOf(name)) ?? []
  return repository !== undefined && reference !== undefined ? { name: repository, reference } : undefined
}

import { isObject } from '../../oci/descriptor.ts'
import { isDigest } from '../../oci/digest.ts'
import {
  authenticateHeader,
  authenticateSignature,
  type BodySignature,
  signBody,
} from '../delivery/authenticity.ts'
import { at, jsonOfBody, orNull, quoted, textOf } from '../delivery/body.ts'
import { createHintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

const SIGNATURE: BodySignature = { header: 'x-jfrog-event-auth', algorithm: 'sha256', prefix: '' }
const ACTIONS: ReadonlyMap<string, 'push' | 'delete'> = new Map([
  ['pushed', 'push'],
  ['promoted', 'push'],
  ['deleted', 'delete'],
])

/**
 * JFrog Artifactory. It names the local repository that was pushed to. References may have a virtual repository, or none
 * when the subdomain names it: `pathPrefix` is that part of references.
 */
export const jfrog: Sender = {
  kind: 'JFROG',
  title: 'JFrog Artifactory',
  authenticity: 'SIGNATURE',
  methods: ['POST'],
  settings: { pathPrefix: 'OPTIONAL', isSigned: 'OPTIONAL' },

  // only one of the two, so that a secret that was read from a header cannot replace a signature
  authenticate: async (delivery, secrets, { settings }) =>
    (settings.isSigned ?? true)
      ? authenticateSignature(delivery, secrets, SIGNATURE)
      : authenticateHeader(delivery, secrets, SIGNATURE.header),

  read({ body }, { pathPrefix }) {
    const json = jsonOfBody(body)
    const data = at(json, 'data')
    const domain = textOf(at(json, 'domain'))
    if (domain === '' || !isObject(data)) {
      throw new InvalidDeliveryError(
        'the body has no "domain" and "data": the webhook must be a predefined one',
      )
    }
    const hints = createHintCollector()
    const type = textOf(at(json, 'event_type'))
    const action = domain === 'docker' ? ACTIONS.get(type) : undefined
    const tag = at(data, 'tag')
    if (!action) hints.ignore(`event ${quoted(`${domain} ${type}`)}`)
    else if (action === 'push' && isDigestLike(tag)) hints.ignore('push by digest')
    else {
      const prefix = pathPrefix ?? textOf(at(data, 'repo_key'))
      const name = textOf(at(data, 'image_name'))
      hints.add({
        registry: hostOf(at(json, 'jpd_origin')),
        repository: prefix === '' ? name : `${prefix}/${name}`,
        tag: isDigestLike(tag) ? null : orNull(tag),
        digest: `sha256:${textOf(at(data, 'sha256'))}`,
        action,
      })
    }
    return hints.parsed('')
  },

  setUp: ({ url, secret, settings }) => [
    'In the administration of the JFrog Platform open Webhooks and create a predefined one.',
    `Enter the URL ${url}`,
    `Enter the Secret token ${secret}`,
    (settings.isSigned ?? true)
      ? 'Select Use secret for payload signing.'
      : 'Clear Use secret for payload signing.',
    'Choose the Docker events for pushed, deleted and promoted tags, and the repositories that clients push to.',
    'If references have another host than the Custom Base URL of the platform, add the latter to the aliases.',
  ],

  sample({ secret, settings }, { registry, repository, tag, digest }) {
    const prefix = settings.pathPrefix ?? repository.split('/', 1)[0] ?? ''
    const name = prefix === '' ? repository : repository.slice(prefix.length + 1)
    const delivery = postOf({
      domain: 'docker',
      event_type: 'pushed',
      data: {
        repo_key: prefix === '' ? 'docker-local' : prefix,
        image_name: name,
        tag,
        path: `${name}/${tag}/manifest.json`,
        sha256: digest.replace(/^sha256:/, ''),
      },
      jpd_origin: `https://${registry}`,
    })
    const value = (settings.isSigned ?? true) ? signBody(delivery.body, secret, SIGNATURE) : secret
    return { ...delivery, headers: { ...delivery.headers, [SIGNATURE.header]: value } }
  },
}

/** Reports whether the tag is a digest: a push by digest has the tag `sha256:…` or `sha256__…`. */
const isDigestLike = (tag: unknown): boolean => isDigest(textOf(tag).replace('__', ':'))

/** Returns the host of `https://acme.jfrog.io`; null for an empty origin, which a platform without a base URL sends. */
function hostOf(origin: unknown): string | null {
  const text = textOf(origin)
  return URL.canParse(text) ? new URL(text).host : orNull(text) === null ? null : text
}

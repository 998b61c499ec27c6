import { isObject } from '../../oci/descriptor.ts'
import { isDigest } from '../../oci/digest.ts'
import {
  authenticateHeader,
  authenticateSignature,
  type BodySignature,
  signBody,
} from '../delivery/authenticity.ts'
import { at, given, jsonOfBody, quoted, textOf } from '../delivery/body.ts'
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
 * JFrog Artifactory. It names the repository that was written to, a local one, where references may name a virtual one,
 * or, by subdomain, none: `pathPrefix` says which.
 */
export const jfrog: Sender = {
  kind: 'JFROG',
  title: 'JFrog Artifactory',
  authenticity: 'SIGNATURE',
  methods: ['POST'],
  settings: { pathPrefix: 'OPTIONAL', isSigned: 'OPTIONAL' },

  // never either: whoever saw a secret shown plainly could send anything, where it is meant to sign
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
        'the body has no "domain" and "data", as a predefined webhook of JFrog has',
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
        tag: isDigestLike(tag) ? null : given(tag),
        digest: `sha256:${textOf(at(data, 'sha256'))}`,
        action,
      })
    }
    return hints.reading('')
  },

  setUp: ({ url, secret, settings }) => [
    'In the administration of the JFrog Platform open Webhooks and create a predefined one.',
    `Enter the URL ${url}`,
    `Enter the Secret token ${secret}`,
    (settings.isSigned ?? true)
      ? 'Tick Use secret for payload signing.'
      : 'Leave Use secret for payload signing unticked.',
    'Choose the Docker events for tags that were pushed, deleted and promoted, and the repositories that are pushed to.',
    'Where references have another host than the Custom Base URL of the platform, name the latter among the aliases.',
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
    const shown = (settings.isSigned ?? true) ? signBody(delivery.body, secret, SIGNATURE) : secret
    return { ...delivery, headers: { ...delivery.headers, [SIGNATURE.header]: shown } }
  },
}

/** A push by digest lies in a folder `sha256:…`, or `sha256__…`, which is told as the tag. */
const isDigestLike = (tag: unknown): boolean => isDigest(textOf(tag).replace('__', ':'))

/** `https://acme.jfrog.io`; empty where nobody set the platform's base URL. */
function hostOf(origin: unknown): string | null {
  const text = textOf(origin)
  return URL.canParse(text) ? new URL(text).host : given(text) === null ? null : text
}

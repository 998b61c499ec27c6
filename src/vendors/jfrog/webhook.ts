import { isDigest } from '../../oci/digest.ts'
import { isObject, textOf } from '../../oci/json.ts'
import { at, jsonOfBody, orNull, quoted } from '../delivery/body.ts'
import { InvalidDeliveryError } from '../delivery/delivery.ts'
import { actionsOf } from '../delivery/hints.ts'
import { inHeader, signedIn } from '../delivery/scheme.ts'
import type { Scheme, SenderDefinition, SenderSettings } from '../delivery/sender.ts'

const HEADER = 'x-jfrog-event-auth'
const SIGNATURE = signedIn(HEADER, 'sha256')
const SECRET = inHeader(HEADER)
const actionOf = actionsOf({ pushed: 'push', promoted: 'push', deleted: 'delete' })

const isSigned = (settings: SenderSettings): boolean => settings.signed ?? true
// only one of the two, so that a secret that was read from a header cannot replace a signature
const schemeOf = (settings: SenderSettings): Scheme => (isSigned(settings) ? SIGNATURE : SECRET)

/**
 * JFrog Artifactory. It names the local repository that was pushed to. References may have a virtual repository, or none
 * when the subdomain names it: `pathPrefix` is that part of references.
 */
export const jfrog: SenderDefinition = {
  title: 'JFrog Artifactory',
  description: 'JFrog Artifactory.',
  scheme: {
    authenticity: 'SIGNATURE',
    authenticate: (delivery, secrets, endpoint) =>
      schemeOf(endpoint.settings).authenticate(delivery, secrets, endpoint),
    sign: (delivery, endpoint) => schemeOf(endpoint.settings).sign(delivery, endpoint),
  },
  settings: { pathPrefix: 'OPTIONAL', signed: 'OPTIONAL' },

  read({ body }, hints, { pathPrefix }) {
    const json = jsonOfBody(body)
    const domain = textOf(at(json, 'domain'))
    const data = at(json, 'data')
    if (domain === '' || !isObject(data)) {
      throw new InvalidDeliveryError(
        'the body has no "domain" and "data": the webhook must be a predefined one',
      )
    }
    const type = textOf(at(json, 'event_type'))
    const action = domain === 'docker' ? actionOf(type) : undefined
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
    return ''
  },

  setUp: ({ url, secret, settings }) => [
    'In the administration of the JFrog Platform open Webhooks and create a predefined one.',
    `Enter the URL ${url}`,
    `Enter the Secret token ${secret}`,
    `${isSigned(settings) ? 'Select' : 'Clear'} Use secret for payload signing.`,
    'Choose the Docker events for pushed, deleted and promoted tags, and the repositories that clients push to.',
    'If references have another host than the Custom Base URL of the platform, add the latter to the aliases.',
  ],

  sample({ registry, repository, tag, digest }, { pathPrefix }) {
    const prefix = pathPrefix ?? repository.split('/', 1)[0] ?? ''
    const name = prefix === '' ? repository : repository.slice(prefix.length + 1)
    return {
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
    }
  },
}

/** Reports whether the tag is a digest: a push by digest has the tag `sha256:…` or `sha256__…`. */
const isDigestLike = (tag: unknown): boolean => isDigest(textOf(tag).replace('__', ':'))

/** Returns the host of `https://acme.jfrog.io`, or the text if it is no URL; empty from a platform without a base URL. */
function hostOf(origin: unknown): string {
  const text = textOf(origin)
  return URL.canParse(text) ? new URL(text).host : text
}

import { isObject, textOf } from '../../oci/json.ts'
import { essenceOf } from '../../oci/media-types.ts'
import { at, jsonOfText, orNull, quoted, textOfBody } from '../delivery/body.ts'
import { type Delivery, InvalidDeliveryError } from '../delivery/delivery.ts'
import type { HintCollector } from '../delivery/hints.ts'
import { signedIn } from '../delivery/scheme.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

const EVENTS: ReadonlySet<string> = new Set(['package', 'registry_package'])
/** GitHub documents the first two; keel has seen the others. */
const PUSHES: ReadonlySet<unknown> = new Set(['published', 'updated', 'create', 'created'])

/**
 * GitHub Container Registry. Only packages that are connected to a repository have webhooks. A push with several tags or
 * platforms may have an empty tag: then any tag may have changed.
 */
export const github: SenderDefinition = {
  title: 'GitHub Container Registry',
  description: 'GitHub Container Registry, through a webhook of a repository or organization.',
  registry: 'ghcr.io',
  scheme: signedIn('x-hub-signature-256', 'sha256', 'sha256='),

  read(delivery, hints) {
    const event = delivery.headers['x-github-event'] ?? ''
    const json = jsonOf(delivery)
    if (EVENTS.has(event)) readPackage(json, event, hints)
    else hints.ignore(event === 'ping' ? 'ping' : `event ${quoted(event)}`)
    return delivery.headers['x-github-delivery'] ?? ''
  },

  setUp: ({ url, secret }) => [
    'On GitHub open the Settings of the organization, or of the repository that the package belongs to, and add a webhook under Webhooks.',
    `Enter the Payload URL ${url}`,
    `Enter the Secret ${secret}`,
    'Choose the Content type application/json, and of the individual events only Packages.',
    'Connect each package to its repository in the Package settings: other packages send no webhooks.',
  ],

  sample: ({ registry, repository, tag, digest }) => ({
    action: 'published',
    package: {
      name: repository.slice(repository.indexOf('/') + 1),
      package_type: 'CONTAINER',
      package_version: {
        container_metadata: { tag: { name: tag, digest } },
        package_url: `${registry}/${repository}:${tag}`,
      },
    },
  }),
  sampleHeaders: { 'x-github-event': 'package' },
}

/** Returns the JSON of the body, or of the field `payload` of a form, which is GitHub's default content type. */
function jsonOf({ headers, body }: Delivery): unknown {
  const text = textOfBody(body)
  if (essenceOf(headers['content-type'] ?? '') !== 'application/x-www-form-urlencoded')
    return jsonOfText(text)
  return jsonOfText(new URLSearchParams(text).get('payload') ?? '', 'the payload')
}

function readPackage(json: unknown, event: string, hints: HintCollector): void {
  const reported = at(json, event)
  const version = at(reported, 'package_version')
  if (!isObject(reported) || !isObject(version)) {
    throw new InvalidDeliveryError(`the body has no "${event}" with a "package_version"`)
  }
  const action = at(json, 'action')
  if (!PUSHES.has(action)) hints.ignore(`${event} ${quoted(action)}`)
  else if (!isOfContainer(reported, version)) hints.ignore('package that is not a container')
  else {
    const [registry, repository] = repositoryOf(reported, version)
    hints.add({
      registry,
      repository,
      tag: orNull(at(version, 'container_metadata', 'tag', 'name')),
      digest: orNull(at(version, 'container_metadata', 'tag', 'digest')) ?? at(version, 'version'),
      action: 'push',
    })
  }
}

/** Reports whether the package is a container image. `package_type` has several spellings, and is wrong at times. */
const isOfContainer = (reported: unknown, version: unknown): boolean =>
  isObject(at(version, 'container_metadata')) ||
  /^(?:container|docker)$/i.test(textOf(at(reported, 'package_type')))

/** Splits `ghcr.io/Acme/app:` and converts it to lower case, as references require. */
function repositoryOf(
  reported: unknown,
  version: unknown,
): readonly [registry: string | null, repository: string] {
  const url = textOf(at(version, 'package_url'))
    .toLowerCase()
    .replace(/@.*$/, '')
    .replace(/:[^:/]*$/, '')
  const slash = url.indexOf('/')
  if (slash > 0 && !url.includes('://')) return [url.slice(0, slash), url.slice(slash + 1)]
  const owner = textOf(at(reported, 'owner', 'login')) || textOf(at(reported, 'namespace'))
  return [null, `${owner}/${textOf(at(reported, 'name'))}`.toLowerCase()]
}

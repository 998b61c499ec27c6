import { isObject } from '../../oci/descriptor.ts'
import { essenceOf } from '../../oci/media-types.ts'
import { authenticateSignature, type BodySignature, signBody } from '../delivery/authenticity.ts'
import { at, given, parseJson, quoted, textOf, textOfBody } from '../delivery/body.ts'
import { createHintCollector, type HintCollector } from '../delivery/hints.ts'
import { postOf } from '../delivery/sample-delivery.ts'
import { type Delivery, InvalidDeliveryError, type Sender } from '../delivery/sender.ts'

const SIGNATURE: BodySignature = { header: 'x-hub-signature-256', algorithm: 'sha256', prefix: 'sha256=' }
const EVENTS: ReadonlySet<string> = new Set(['package', 'registry_package'])
/** `create` is in bodies that others have seen; GitHub documents the first two. */
const PUSHES: ReadonlySet<unknown> = new Set(['published', 'updated', 'create', 'created'])

/**
 * GitHub's container registry. It tells of packages that belong to a repository, and of a push with several tags or
 * platforms in deliveries whose tag may be empty: then any tag may have moved.
 */
export const github: Sender = {
  kind: 'GITHUB',
  title: 'GitHub Container Registry',
  authenticity: 'SIGNATURE',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateSignature(delivery, secrets, SIGNATURE),

  read(delivery) {
    const hints = createHintCollector()
    const event = delivery.headers['x-github-event'] ?? ''
    const json = jsonOf(delivery)
    if (EVENTS.has(event)) readPackage(json, event, hints)
    else hints.ignore(event === 'ping' ? 'ping' : `event ${quoted(event)}`)
    return hints.reading(delivery.headers['x-github-delivery'] ?? '')
  },

  setUp: ({ url, secret }) => [
    'On GitHub open the Settings of the organization, or of the repository that the package belongs to, and add a webhook under Webhooks.',
    `Enter the Payload URL ${url}`,
    `Enter the Secret ${secret}`,
    'Choose the Content type application/json, and of the individual events Packages alone.',
    'Connect a package to its repository in the Package settings: one that belongs to none tells nobody.',
  ],

  sample({ secret }, { registry, repository, tag, digest }) {
    const delivery = postOf({
      action: 'published',
      package: {
        name: repository.slice(repository.indexOf('/') + 1),
        package_type: 'CONTAINER',
        package_version: {
          container_metadata: { tag: { name: tag, digest } },
          package_url: `${registry}/${repository}:${tag}`,
        },
      },
    })
    const headers = {
      ...delivery.headers,
      'x-github-event': 'package',
      [SIGNATURE.header]: signBody(delivery.body, secret, SIGNATURE),
    }
    return { ...delivery, headers }
  },
}

/** The body, or of a form its field `payload`: what GitHub suggests unless one says application/json. */
function jsonOf({ headers, body }: Delivery): unknown {
  const text = textOfBody(body)
  if (essenceOf(headers['content-type'] ?? '') !== 'application/x-www-form-urlencoded') return parseJson(text)
  return parseJson(new URLSearchParams(text).get('payload') ?? '', 'the payload')
}

function readPackage(json: unknown, event: string, hints: HintCollector): void {
  const told = at(json, event)
  const version = at(told, 'package_version')
  if (!isObject(told) || !isObject(version)) {
    throw new InvalidDeliveryError(`the body has no "${event}" with a "package_version", as GitHub sends it`)
  }
  const action = at(json, 'action')
  if (!PUSHES.has(action)) {
    hints.ignore(`${event} ${quoted(action)}`)
    return
  }
  if (!isOfContainer(told, version)) {
    hints.ignore('package that is no container')
    return
  }
  const [registry, repository] = repositoryOf(told, version)
  hints.add({
    registry,
    repository,
    tag: given(at(version, 'container_metadata', 'tag', 'name')),
    digest: given(at(version, 'container_metadata', 'tag', 'digest')) ?? at(version, 'version'),
    action: 'push',
  })
}

/** `package_type` is written in several ways, and is wrong at times: what only containers have counts more. */
const isOfContainer = (told: unknown, version: unknown): boolean =>
  isObject(at(version, 'container_metadata')) ||
  /^(?:container|docker)$/i.test(textOf(at(told, 'package_type')))

/** `ghcr.io/Acme/app:` taken apart: owners keep their capitals there, which references never have. */
function repositoryOf(
  told: unknown,
  version: unknown,
): readonly [registry: string | null, repository: string] {
  const url = textOf(at(version, 'package_url'))
    .toLowerCase()
    .replace(/@.*$/, '')
    .replace(/:[^:/]*$/, '')
  const slash = url.indexOf('/')
  if (slash > 0 && !url.includes('://')) return [url.slice(0, slash), url.slice(slash + 1)]
  const owner = textOf(at(told, 'owner', 'login')) || textOf(at(told, 'namespace'))
  return [null, `${owner}/${textOf(at(told, 'name'))}`.toLowerCase()]
}

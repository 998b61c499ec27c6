import { ENVELOPE } from '../delivery/envelope.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

/** A self-hosted registry: docker-registry, registry:2, registry:3. */
export const distribution: SenderDefinition = {
  ...ENVELOPE,
  title: 'CNCF distribution',
  description:
    'CNCF distribution: docker-registry, `registry:2`, `registry:3` and registries that are based on them.',
  setUp: ({ url, secret }) => [
    "Add an endpoint to the notifications in the registry's config.yml, and restart it:",
    `notifications:
  endpoints:
    - name: imagestreams
      url: ${url}
      headers: { Authorization: [Bearer ${secret}] }
      timeout: 1s
      threshold: 5
      backoff: 2s
      ignore: { mediatypes: [application/octet-stream], actions: [pull] }`,
    'The registry names itself by the host that its clients use: if references have another host, add it to the aliases.',
  ],
}

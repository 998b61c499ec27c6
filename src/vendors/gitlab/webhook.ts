import { ENVELOPE } from '../delivery/envelope.ts'
import type { SenderDefinition } from '../delivery/sender.ts'

/** The container registry of self-managed GitLab; gitlab.com sends no notifications. */
export const gitlab: SenderDefinition = {
  ...ENVELOPE,
  title: 'GitLab, self-managed',
  description: 'Container registry of a self-managed GitLab.',
  setUp: ({ url, secret }) => [
    'Add an endpoint to the notifications of the registry in /etc/gitlab/gitlab.rb, and run sudo gitlab-ctl reconfigure:',
    `registry['notifications'] = [
  {
    'name' => 'imagestreams',
    'url' => '${url}',
    'timeout' => '1s',
    'threshold' => 5,
    'backoff' => '2s',
    'headers' => { 'Authorization' => ['Bearer ${secret}'] }
  }
]`,
    'In the Helm chart the same setting is global.registry.notifications.endpoints.',
  ],
}

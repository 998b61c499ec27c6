import { envelopeSender } from '../delivery/envelope-sender.ts'

/** The container registry of self-managed GitLab; gitlab.com sends no notifications. */
export const gitlab = envelopeSender({
  kind: 'GITLAB',
  title: 'GitLab, self-managed',
  steps: ({ url, secret }) => [
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
})

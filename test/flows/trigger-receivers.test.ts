import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { argoWorkflows, gitlab, jenkins, tekton } from '../fixtures/receivers-of-triggers/builds.ts'
import { slack, teams } from '../fixtures/receivers-of-triggers/chats.ts'
import { argoCd, flux, kargo } from '../fixtures/receivers-of-triggers/deployments.ts'
import { github } from '../fixtures/receivers-of-triggers/github.ts'
import { type Respond, startReceiver } from '../fixtures/receivers-of-triggers/receiver.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { follow, importImage } from './operations.ts'

// The examples of src/triggers/receivers.md are sent to the API as they are, but for the address of the receiver.

const DOCUMENT = readFileSync(new URL('../../src/triggers/receivers.md', import.meta.url), 'utf8')
const EXAMPLES = [...DOCUMENT.matchAll(/^## ([^\n]+)\n\n```graphql\n(.*?)^```$/gms)].map(
  ([, heading = '', example = '']) => ({ heading, example }),
)
const GITHUB = {
  ...{ token: 'github_pat_EXAMPLE', repository: 'acme/app', workflow: 'build.yml' },
  ...{ ref: 'main', inputs: ['image'] },
}

/** What receives each example, and the link that the delivery gets. */
const RECEIVERS: Readonly<Record<string, { readonly respond: Respond; readonly link?: string }>> = {
  'Any URL': { respond: () => 204 },
  'GitHub, repository event': {
    ...{ respond: github(GITHUB), link: 'URL/acme/app/actions?query=event%3Arepository_dispatch' },
  },
  'GitHub, one workflow': { respond: github(GITHUB), link: 'URL/acme/app/actions/workflows/build.yml' },
  GitLab: {
    respond: gitlab({ token: 'glptt-EXAMPLE', project: 'team/app', ref: 'main' }),
    link: 'https://gitlab.example.org/team/app/-/pipelines/9',
  },
  Jenkins: {
    respond: jenkins({
      ...{ user: 'imagestreams', token: 'EXAMPLE-TOKEN', path: '/job/team/job/app' },
      ...{ parameters: ['IMAGE'], queue: 'BEGUN' },
    }),
    link: 'https://jenkins.example.org/job/team/job/app/5/',
  },
  Tekton: { respond: tekton },
  'Argo Workflows': { respond: argoWorkflows({ token: 'EXAMPLE-TOKEN' }) },
  'Argo CD': {
    respond: argoCd({ token: 'EXAMPLE-TOKEN', application: 'shop' }),
    link: 'URL/applications/shop',
  },
  Kargo: { respond: kargo({ path: '/webhooks/generic/EXAMPLE' }) },
  Flux: { respond: flux({ path: '/hook/EXAMPLE', token: 'EXAMPLE-TOKEN' }) },
  Slack: { respond: slack({ path: '/services/T000/B000/EXAMPLE' }) },
  'Microsoft Teams': {
    respond: teams({ path: '/workflows/EXAMPLE/triggers/manual/paths/invoke?sig=EXAMPLE' }),
  },
}

/** Sections whose actions other parts of the server do, with tests of their own. */
const WITHOUT_REQUEST = ['Kubernetes, a container image', 'OpenShift, a build', 'Another registry']

/** Returns the example with the receiver’s address; GitHub’s is added, for the public one is the default. */
const addressed = (example: string, url: string): string =>
  example
    .replace(/https:\/\/[a-z.-]+\.example(?:\.org)?/, url)
    .replace('owner: "acme"', `url: "${url}", owner: "acme"`)

let app: TestApp
let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream({ log: false })
  app = await startApp()
  upstream.push('team/app', 'v1', image({ seed: 'first' }))
  await follow(app.client, `${upstream.host}/team/app`, 'app')
})
afterEach(async () => {
  await app[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const TRIGGERS = `{ triggers(first: 10) { nodes { name state action { kind host
  http { url format } githubRepositoryDispatch { url owner repository eventType clientPayload }
  githubWorkflowDispatch { url owner repository workflow ref inputs { name value } }
  gitlabPipeline { url project ref variables { name value } } jenkins { url job user parameters { name value } }
  tekton { url isSigned } argoWorkflows { url namespace discriminator }
  argoCd { url application applicationNamespace kustomizeImages helmParameters { name value } }
  kargo { origin } flux { origin } slack { origin text } teams { origin text } }
  deliveries(first: 5) { nodes { state message link request { method url headers body } attempts { httpStatus response } } } } } }`

interface ShownDelivery {
  readonly state: string
  readonly link: string | null
}
interface ShownTriggers {
  readonly triggers: {
    readonly nodes: readonly { readonly deliveries: { readonly nodes: ShownDelivery[] } }[]
  }
}

it('the document has an example for each receiver', () => {
  expect(EXAMPLES.map(({ heading }) => heading)).toEqual([...Object.keys(RECEIVERS), ...WITHOUT_REQUEST])
})

it.each(EXAMPLES.filter(({ heading }) => WITHOUT_REQUEST.includes(heading)))(
  '$heading: the example creates a trigger',
  async ({ example }) => {
    await app.client.request(example)
    const { triggers } = await app.client.request<ShownTriggers>(TRIGGERS)
    expect(triggers.nodes).toMatchObject([{ state: 'ACTIVE' }])
  },
)

it.each(EXAMPLES.filter(({ heading }) => heading in RECEIVERS))(
  '$heading: the example is delivered, and its secrets are shown nowhere',
  async ({ heading, example }) => {
    const { respond, link } = RECEIVERS[heading] ?? {}
    if (!respond) throw new Error(`nothing receives ${heading}`)
    await using receiver = await startReceiver(respond)
    await app.client.request(addressed(example, receiver.url))
    upstream.push('team/app', 'v1', image({ seed: 'second' }))
    await importImage(app.client, { imageStream: 'app', all: true })
    const shown = () => app.client.request<ShownTriggers>(TRIGGERS)
    const delivery = async () => (await shown()).triggers.nodes[0]?.deliveries.nodes[0]
    await expect.poll(delivery, { timeout: 30_000 }).toMatchObject({
      ...{ state: 'DELIVERED', message: null, link: link?.replace('URL', receiver.url) ?? null },
    })
    expect(JSON.stringify(await shown())).not.toMatch(/EXAMPLE/)
  },
)

import { always, password, type TestClientOptions } from '../fixtures/registry-client.ts'
import { azureSide } from '../fixtures/vendors/azure.ts'
import { dockerHubSide } from '../fixtures/vendors/docker-hub.ts'
import { ecrSide } from '../fixtures/vendors/ecr.ts'
import { githubSide } from '../fixtures/vendors/github.ts'
import { gitlabSide } from '../fixtures/vendors/gitlab.ts'
import { googleSide } from '../fixtures/vendors/google.ts'
import { harborSide } from '../fixtures/vendors/harbor.ts'
import { jfrogSide } from '../fixtures/vendors/jfrog.ts'
import { quaySide } from '../fixtures/vendors/quay.ts'
import type { VendorSide } from '../fixtures/vendors/vendor-registry.ts'
import { zotSide } from '../fixtures/vendors/zot.ts'

/** A vendor whose listing must fulfil the contract. */
export interface VendorUnderContract {
  /** Name of the vendor in its listing. */
  readonly name: string
  side(): VendorSide
  /** Options of a client for it. */
  readonly client: TestClientOptions
  readonly newestFirst: boolean
  /** Number of requests for a listing of 250 tags, each of its own image, and until a moved tag is found. */
  readonly requests: { readonly whole: number; readonly moved: number }
  /** Whether the listing has the number of tags. */
  readonly counts: boolean
}

const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a very s3cret key' }
const REGION = 'eu-west-1'
const PAT = 'ghp_0123456789abcdef'
const LOGIN = { username: 'robot$reader', password: 'r0bot s3cret' }
const BEARER = { scheme: 'bearer', credentials: LOGIN } as const
const asRobot = { credentials: password(LOGIN.username, LOGIN.password) }

/** Secrets of the clients; no message may contain them. */
export const SECRETS: readonly string[] = [KEY.secretAccessKey, PAT, LOGIN.password]

/** All vendors with a tag listing, as fakes on the loopback address. */
export const VENDORS: readonly VendorUnderContract[] = [
  {
    name: 'Docker Hub',
    side: () => dockerHubSide({ pulls: 100 }),
    client: {},
    newestFirst: true,
    requests: { whole: 3, moved: 1 },
    counts: true,
  },
  {
    name: 'Quay',
    side: () => quaySide(),
    client: {},
    newestFirst: true,
    requests: { whole: 3, moved: 1 },
    counts: false,
  },
  {
    name: 'Google Artifact Registry',
    side: () => googleSide(),
    client: {},
    newestFirst: false,
    requests: { whole: 1, moved: 1 },
    counts: true,
  },
  {
    name: 'GitHub',
    side: () => githubSide({ token: PAT }),
    client: { credentials: password('someone', PAT) },
    newestFirst: true,
    requests: { whole: 3, moved: 1 },
    counts: false,
  },
  {
    name: 'Azure',
    side: () => azureSide(),
    client: {},
    newestFirst: true,
    // the response to the first request has the scope of the token
    requests: { whole: 4, moved: 2 },
    counts: false,
  },
  {
    name: 'Amazon ECR',
    side: () => ecrSide({ ...KEY, region: REGION }),
    client: { credentials: always({ kind: 'aws', ...KEY, sessionToken: null, region: REGION }) },
    newestFirst: false,
    requests: { whole: 1, moved: 1 },
    counts: false,
  },
  {
    name: 'Harbor',
    side: () => harborSide({ login: LOGIN }),
    client: asRobot,
    newestFirst: true,
    requests: { whole: 3, moved: 1 },
    counts: false,
  },
  {
    name: 'GitLab',
    side: () => gitlabSide({ auth: BEARER }),
    client: asRobot,
    newestFirst: true,
    // the first request to a registry finds out its authentication
    requests: { whole: 2, moved: 2 },
    counts: false,
  },
  {
    name: 'JFrog',
    side: () => jfrogSide({ login: LOGIN }),
    client: asRobot,
    newestFirst: true,
    requests: { whole: 1, moved: 1 },
    counts: false,
  },
  {
    name: 'zot',
    side: () => zotSide({ auth: { scheme: 'basic', credentials: LOGIN } }),
    client: asRobot,
    newestFirst: false,
    requests: { whole: 2, moved: 2 },
    counts: true,
  },
]

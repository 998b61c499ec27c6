import { type Database, openDatabase } from '../../src/db/open.ts'
import type { ImageRepository } from '../../src/imagestream/tag/image-locations.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRequirements, type RequirementInput, versionOf } from '../../src/trust/policy/policies.ts'
import type { ReferrersOfImage } from '../../src/trust/referrer/referrers.ts'
import { createTrust, type Trust } from '../../src/trust/trust.ts'
import type { Verification } from '../../src/trust/verification/verification.ts'
import { Attached } from '../fixtures/artifacts.ts'
import { NO_AUDIT } from '../fixtures/no-audit.ts'
import { type Image, image } from '../fixtures/random-image.ts'
import { TestClient } from '../fixtures/registry-client.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

const REPOSITORY = 'team/app'
const HOUR = 3_600_000

/** Trust over a real client and a real registry that has one image; the clock is the test's. */
export class TrustWorld implements AsyncDisposable {
  readonly upstream: Upstream
  readonly attached: Attached
  readonly app: Image = image({ seed: 'app' })
  readonly db: Database = openDatabase(':memory:')
  readonly client = new TestClient()
  readonly trust: Trust
  readonly internalErrors: unknown[] = []
  now = Date.UTC(2026, 5, 1)

  private constructor(upstream: Upstream) {
    this.upstream = upstream
    this.attached = new Attached(upstream, REPOSITORY)
    upstream.push(REPOSITORY, 'latest', this.app)
    this.trust = createTrust({
      db: this.db,
      audit: NO_AUDIT,
      sources: {
        open: (repository, signal) =>
          this.client.remote.repository(repository, { ...repository, lane: 'trust', signal }),
      },
      now: () => this.now,
      recordUpdate: (_tx, stream) => stream,
      onInternalError: (error) => this.internalErrors.push(error),
    })
  }

  static async start(): Promise<TrustWorld> {
    return new TrustWorld(await startUpstream())
  }

  get repositoryName(): string {
    return REPOSITORY
  }

  get repository(): ImageRepository {
    return { registry: this.upstream.host, repository: REPOSITORY, insecure: false, namespace: 'default' }
  }

  referrers(
    digest: Digest = this.app.digest,
    { artifactType = null, maxAge = HOUR }: { artifactType?: string | null; maxAge?: number } = {},
  ): Promise<ReferrersOfImage> {
    return this.trust.referrers.of(
      { repository: this.repository, digest },
      { artifactType, maxAge, mayRequest: true },
    )
  }

  /** Verifies the image against the requirements now. */
  async verify(
    requirements: readonly RequirementInput[],
    { digest = this.app.digest, maxAge = HOUR, index = null as Digest | null } = {},
  ): Promise<Verification> {
    const parsed = await parseRequirements(requirements)
    const policy = { streamId: 0, requirements: parsed, version: versionOf(parsed), updatedAt: 0 }
    return this.trust.verify({ repository: this.repository, digest, index }, policy, {
      maxAge,
      mayRequest: true,
    })
  }

  /** Returns the requests since the last call: method and path after the repository. */
  requests(): string[] {
    const requests = this.upstream.log.map(({ method, url }) => `${method} ${url.split(`${REPOSITORY}/`)[1]}`)
    this.upstream.reset()
    return requests.toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.trust[Symbol.dispose]()
    await this.client[Symbol.asyncDispose]()
    await this.upstream[Symbol.asyncDispose]()
    this.db[Symbol.dispose]()
  }
}

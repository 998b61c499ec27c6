import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Role } from '../../src/access/right/role.ts'
import type { Viewer } from '../../src/access/right/viewer.ts'
import { TestDomain } from '../fixtures/test-domain.ts'
import { createViewers } from '../fixtures/viewers.ts'
import { apply } from './documents.ts'

let domain: TestDomain
let viewers: ReturnType<typeof createViewers>
beforeEach(() => {
  domain = new TestDomain()
  viewers = createViewers(domain.db)
  apply(domain, { ...document('app'), metadata: { namespace: 'secret', name: 'app', labels: { plan: 'x' } } })
  apply(domain, document('app'))
})
afterEach(() => domain[Symbol.asyncDispose]())

const document = (name: string, namespace = 'team') => ({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStream',
  metadata: { namespace, name },
})
const imported = (name: string) => ({
  ...document(name),
  kind: 'ImageStreamImport',
  spec: { import: false, images: [{ from: { kind: 'DockerImage', name: 'registry.test/x:1' } }] },
})

/** The code and message with which a dry run is refused; undefined for one that is not. */
function refusalOf(viewer: Viewer, content: object): { code: string; message: string } | undefined {
  try {
    domain.applyDocuments(viewer, { documents: JSON.stringify(content), dryRun: true })
    return undefined
  } catch (error) {
    return error as { code: string; message: string }
  }
}
const member = (role: Role): Viewer => viewers.in(['team/*'], role)

describe('a dry run of documents', () => {
  it('is refused for a stream that the viewer does not see, whether or not it exists', () => {
    const [existing, missing] = ['app', 'gone'].map((name) =>
      refusalOf(member('ADMIN'), document(name, 'secret')),
    )
    expect(existing).toMatchObject({ code: 'FORBIDDEN' })
    expect(existing?.message.replace('app', 'gone')).toBe(missing?.message)
  })

  it('needs the right to tag for a stream that exists, and to create for others', () => {
    expect(refusalOf(member('BUILDER'), document('app'))?.message).toContain('"tag"')
    expect(refusalOf(member('PUSHER'), document('new'))?.message).toContain('"create"')
    expect(refusalOf(member('BUILDER'), document('new'))).toBeUndefined()
    expect(refusalOf(member('IMPORTER'), document('app'))).toBeUndefined()
  })

  it('of an import needs the right to import', () => {
    expect(refusalOf(member('BUILDER'), imported('new'))?.message).toContain('"import"')
    expect(refusalOf(member('IMPORTER'), imported('new'))).toBeUndefined()
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const content = image({ seed: 'known' })

describe('a source by a digest whose image another repository has', () => {
  beforeEach(async () => {
    domain.remote.push(UPSTREAM, 'latest', content)
    await domain.create()
    domain.remote.takeCalls()
  })

  it('fails as NotFound where its own repository does not have it', async () => {
    await domain.create({
      name: 'copy',
      spec: { tags: [fromImage('x', `registry.test/no/such@${content.digest}`)] },
    })

    expect(domain.condition('x', 'copy')).toMatchObject({ status: 'False', reason: 'NotFound' })
    expect(domain.digests('x', 'copy')).toEqual([])
  })

  it('fails as its own repository refuses it', async () => {
    domain.remote.push('registry.test/private/app', 'v1', content)
    domain.remote.fail('registry.test/private/app', content.digest, 'Unauthorized')
    await domain.create({
      name: 'copy',
      spec: { tags: [fromImage('x', `registry.test/private/app@${content.digest}`)] },
    })

    expect(domain.condition('x', 'copy')).toMatchObject({ status: 'False', reason: 'Unauthorized' })
    expect(domain.digests('x', 'copy')).toEqual([])
  })

  it('is imported after one request that confirms it, and requested again only after a change', async () => {
    domain.remote.push('registry.test/other/app', 'v1', content)
    domain.remote.takeCalls()
    const tags = [fromImage('x', `registry.test/other/app@${content.digest}`)]
    await domain.create({ name: 'copy', spec: { tags } })

    expect(domain.digests('x', 'copy')).toEqual([content.digest])
    expect(domain.remote.takeCalls()).toMatchObject([
      { kind: 'resolve', repository: 'registry.test/other/app', subject: content.digest },
    ])
    await domain.import({ imageStream: 'copy' })
    expect(domain.remote.takeCalls()).toEqual([])
  })
})

it('a source by a digest that its repository does not have fails as NotFound', async () => {
  domain.remote.push(UPSTREAM, 'latest', content)
  const missing = image({ seed: 'missing' }).digest
  await domain.create({ spec: { tags: [fromImage('x', `${UPSTREAM}@${missing}`)] } })

  expect(domain.condition('x')).toMatchObject({ status: 'False', reason: 'NotFound' })
})

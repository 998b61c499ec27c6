import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of GitHub', () => {
  const { GITHUB: sender } = senders
  const packageEvent = { headers: { 'x-github-event': 'package', 'x-github-delivery': 'd-1' } }
  const registryPackageEvent = { headers: { 'x-github-event': 'registry_package' } }

  it('has its id in X-GitHub-Delivery', () => {
    expect(read(sender, body('github-package'), packageEvent)).toMatchObject({
      id: 'd-1',
      hints: [{ repository: 'acme/app', tag: '3.2.1', digest: digest('c'), action: 'push' }],
    })
  })

  it('with an owner in upper case has the owner in lower case in its references', () => {
    expect(read(sender, body('github-package'), packageEvent).hints[0]).toMatchObject({
      registry: 'ghcr.io',
      repository: 'acme/app',
    })
  })

  it('without a tag name, and with a package_url that ends with ":", may concern any tag', () => {
    const json = body('github-registry_package-notag')
    expect(read(sender, json, registryPackageEvent).hints).toEqual([
      { registry: 'ghcr.io', repository: 'acme/app', tag: null, digest: digest('c'), action: 'push' },
    ])
  })

  it.each(['CONTAINER', 'container', 'docker', 'Docker', 'npm', ''])(
    'with container_metadata is of a container, also with the package_type %j',
    (type) => {
      const json = body('github-package')
      json.package.package_type = type
      json.package.ecosystem = type
      expect(read(sender, json, packageEvent).hints).toHaveLength(1)
    },
  )

  it('of a package that is not a container is ignored', () => {
    const json = body('github-package')
    json.package.package_type = 'npm'
    json.package.package_version.container_metadata = undefined
    expect(read(sender, json, packageEvent)).toMatchObject({
      hints: [],
      note: 'package that is not a container, ignored',
    })
  })

  it('without package_url has the repository of the owner and the name', () => {
    const json = body('github-package')
    json.package.package_version.package_url = ''
    expect(spelled(read(sender, json, packageEvent))).toEqual([`push -/acme/app:3.2.1@${digest('c')}`])
  })

  it('may have a name of several parts, a host with a port, and a package_url by digest', () => {
    const json = body('github-package')
    json.package.package_version.package_url = `containers.example.com:8443/Acme/Team/App@${digest('c')}`
    expect(read(sender, json, packageEvent).hints[0]).toMatchObject({
      registry: 'containers.example.com:8443',
      repository: 'acme/team/app',
    })
  })

  it('of the event `ping` is not a push', () => {
    const reading = read(
      sender,
      { zen: 'Keep it logically awesome.' },
      { headers: { 'x-github-event': 'ping' } },
    )
    expect(reading).toMatchObject({ hints: [], note: 'ping, ignored' })
  })

  it.each(['published', 'updated', 'create'])('has a hint for the action %s', (action) => {
    expect(read(sender, { ...body('github-package'), action }, packageEvent).hints).toHaveLength(1)
  })

  it('of another action or event is ignored, and noted', () => {
    expect(read(sender, { ...body('github-package'), action: 'deleted' }, packageEvent).note).toBe(
      'package "deleted", ignored',
    )
    expect(read(sender, {}, { headers: { 'x-github-event': 'push' } }).note).toBe('event "push", ignored')
    expect(read(sender, {}).hints).toEqual([])
  })

  it("may be a form, which is GitHub's default, with the same JSON in the field payload", () => {
    const form = new URLSearchParams({ payload: JSON.stringify(body('github-package')) }).toString()
    const headers = { ...packageEvent.headers, 'content-type': 'application/x-www-form-urlencoded' }

    expect(read(sender, form, { headers }).hints).toHaveLength(1)
    expect(() => read(sender, 'a=b', { headers })).toThrow('the payload is not JSON')
  })

  it('without its package is refused', () => {
    expect(() => read(sender, {}, packageEvent)).toThrow('no "package" with a "package_version"')
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { annotationsOf, documentJson, documentYaml } from '../../src/documents/image-stream-document.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.time = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
})
afterEach(() => domain[Symbol.asyncDispose]())

const sources = () => ({
  streams: domain.streams,
  streamConditions: domain.streamConditions,
  tags: domain.tags,
  images: domain.images,
  pullRepository: () => 'registry.here:5000/default/ruby',
})
const json = (): string => [...documentJson(domain.stream(), sources())].join('')

const ONE = image({ seed: 1 }).digest
const TWO = image({ seed: 2 }).digest

const DOCUMENT = `{
    "apiVersion": "image.openshift.io/v1",
    "kind": "ImageStream",
    "metadata": {
        "annotations": {
            "note": "\\"quoted\\"",
            "openshift.io/image.dockerRepositoryCheck": "2026-01-02T03:05:05Z",
            "openshift.io/image.insecureRepository": "true"
        },
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "generation": 1,
        "labels": {
            "team": "a"
        },
        "name": "ruby",
        "namespace": "default",
        "resourceVersion": "3",
        "uid": "00000000-0000-4000-8000-000000000001"
    },
    "spec": {
        "dockerImageRepository": "registry.test/ruby",
        "lookupPolicy": {
            "local": true
        },
        "tags": [
            {
                "annotations": null,
                "from": {
                    "kind": "DockerImage",
                    "name": "registry.test/ruby:gone"
                },
                "generation": 1,
                "importPolicy": {
                    "importMode": "Legacy"
                },
                "name": "gone",
                "referencePolicy": {
                    "type": "Source"
                }
            },
            {
                "annotations": {
                    "a": "1"
                },
                "from": {
                    "kind": "DockerImage",
                    "name": "registry.test/ruby:x"
                },
                "generation": 1,
                "importPolicy": {
                    "importMode": "PreserveOriginal",
                    "insecure": true,
                    "scheduled": true
                },
                "name": "pinned",
                "reference": true,
                "referencePolicy": {
                    "type": "Local"
                }
            }
        ]
    },
    "status": {
        "dockerImageRepository": "registry.here:5000/default/ruby",
        "tags": [
            {
                "conditions": [
                    {
                        "generation": 1,
                        "lastTransitionTime": "2026-01-02T03:04:05Z",
                        "message": "registry.test/ruby: gone: NotFound",
                        "reason": "NotFound",
                        "status": "False",
                        "type": "ImportSuccess"
                    }
                ],
                "items": null,
                "tag": "gone"
            },
            {
                "items": [
                    {
                        "created": "2026-01-02T03:05:05Z",
                        "dockerImageReference": "registry.test/ruby@${TWO}",
                        "generation": 1,
                        "image": "${TWO}"
                    },
                    {
                        "created": "2026-01-02T03:04:05Z",
                        "dockerImageReference": "registry.test/ruby@${ONE}",
                        "generation": 1,
                        "image": "${ONE}"
                    }
                ],
                "tag": "latest"
            }
        ]
    }
}
`

const createFull = async (): Promise<void> => {
  domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
  await domain.create({
    labels: [{ key: 'team', value: 'a' }],
    annotations: [{ key: 'note', value: '"quoted"' }],
    spec: {
      dockerImageRepository: UPSTREAM,
      importPolicy: { insecure: true, scheduled: false, importMode: 'Legacy' },
      lookupPolicy: { local: true },
      tags: [
        fromImage('gone', `${UPSTREAM}:gone`),
        fromImage('pinned', `${UPSTREAM}:x`, {
          reference: true,
          annotations: [{ key: 'a', value: '1' }],
          importPolicy: { insecure: true, scheduled: true, importMode: 'PreserveOriginal' },
          referencePolicy: { type: 'Local' },
        }),
      ],
    },
  })
  domain.time += 60_000
  domain.remote.push(UPSTREAM, 'latest', image({ seed: 2 }))
  await domain.import()
}

/** Texts that YAML reads as something else unless they are quoted. */
const TREACHEROUS = [
  ...['1.0', 'true', 'null', '2026-01-02', '', 'a: b', '- x', 'multi\nline', '0x1f', ' padded '],
  ...['yes', 'no', 'on', 'off', 'y', 'n', '1:30', '1_000', '012', '0b1', '.inf', '~'],
]

describe('the document of a stream', () => {
  it('equals OpenShift’s own, field for field', async () => {
    await createFull()

    expect(json()).toBe(DOCUMENT)
  })

  it('has the same content in YAML, also where strings look like numbers, times or null', async () => {
    await createFull()
    domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      labels: TREACHEROUS.map((value, at) => ({ key: `k${at}`, value })),
    })
    const yaml = [...documentYaml(domain.stream(), sources())].join('')

    // oc and kubectl read YAML 1.1
    expect(parse(yaml, { version: '1.1' })).toEqual(JSON.parse(json()))
    expect(parse(yaml)).toEqual(JSON.parse(json()))
    expect(yaml).toMatch(
      /^apiVersion: image\.openshift\.io\/v1\nkind: ImageStream\nmetadata:\n {2}annotations:\n/,
    )
    expect(yaml).toContain('\n  tags:\n  - ')
  })

  it('of an empty stream leaves out the fields that OpenShift leaves out', async () => {
    await domain.create({ spec: {} })

    expect(JSON.parse(json())).toEqual({
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStream',
      metadata: {
        creationTimestamp: '2026-01-02T03:04:05Z',
        generation: 1,
        name: 'ruby',
        namespace: 'default',
        resourceVersion: '1',
        uid: '00000000-0000-4000-8000-000000000001',
      },
      spec: { lookupPolicy: { local: false } },
      status: { dockerImageRepository: 'registry.here:5000/default/ruby' },
    })
  })

  it('has the conditions of a stream whose repository fails in an annotation, which is ignored in documents', async () => {
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    await domain.create()
    const { annotations } = JSON.parse(json()).metadata

    expect(JSON.parse(annotations['imagestreams/conditions'])).toEqual([
      {
        generation: 1,
        lastTransitionTime: '2026-01-02T03:04:05Z',
        message: `${UPSTREAM}: the tag list: Forbidden`,
        reason: 'Forbidden',
        status: 'False',
        type: 'ImportSuccess',
      },
    ])
    expect(annotations['openshift.io/image.dockerRepositoryCheck']).toBe(
      `${UPSTREAM}: the tag list: Forbidden`,
    )
    const before = json()
    domain.applyDocuments(SYSTEM, { documents: before, namespace: 'default', dryRun: false })
    expect(json()).toBe(before)
  })

  it('has each annotation once, also where a client sent the server’s own back', async () => {
    const key = 'openshift.io/image.insecureRepository'
    await domain.create({
      annotations: [{ key, value: 'true' }],
      spec: { importPolicy: { insecure: true, scheduled: false, importMode: 'Legacy' } },
    })

    expect(annotationsOf(domain.stream())).toEqual([{ key, value: 'true' }])
  })
})

import { describe, expect, test } from 'vitest'
import { azureEndpoint, ecrEndpoint, isAwsRegion, isGoogleRegistry } from '../../src/logins/cloud-registry.ts'

describe('a registry host of Amazon ECR', () => {
  test.each([
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'https://api.ecr.eu-west-1.amazonaws.com/'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'https://api.ecr.cn-north-1.amazonaws.com.cn/'],
    ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'https://api.ecr.eusc-de-east-1.amazonaws.eu/'],
    [
      '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
      'https://ecr-fips.us-gov-west-1.amazonaws.com/',
    ],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'https://api.ecr.eu-west-1.amazonaws.com/'],
    ['123456789012.dkr-ecr-fips.us-east-1.on.aws', 'https://ecr-fips.us-east-1.amazonaws.com/'],
    [
      '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
      'https://api.ecr.cn-north-1.amazonaws.com.cn/',
    ],
  ])('%s is recognized, with the endpoint that issues its passwords', (registry, endpoint) => {
    expect(ecrEndpoint(registry, null)).toMatchObject({ endpoint, isPublic: false })
  })

  test('public.ecr.aws has the endpoint of public registries, in one region', () => {
    expect(ecrEndpoint('public.ecr.aws', null)).toEqual({
      region: 'us-east-1',
      endpoint: 'https://api.ecr-public.us-east-1.amazonaws.com/',
      isPublic: true,
    })
  })

  test('with another name has the endpoint of the region that the credential names', () => {
    expect(ecrEndpoint('registry.example', null)).toBeUndefined()
    expect(ecrEndpoint('registry.example', 'cn-northwest-1')).toMatchObject({
      region: 'cn-northwest-1',
      endpoint: 'https://api.ecr.cn-northwest-1.amazonaws.com.cn/',
    })
  })

  test.each([
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example',
    '123456789012.dkr.ecr.evil.example/.amazonaws.com',
    '123456789012.dkr.ecr.evil.amazonaws.com',
    '12345.dkr.ecr.eu-west-1.amazonaws.com',
    'dkr.ecr.eu-west-1.amazonaws.com',
    'x.public.ecr.aws',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com:8443',
  ])('is none that is only called alike: %s', (registry) => {
    expect(ecrEndpoint(registry, null)).toBeUndefined()
  })

  test.each(['', 'eu', 'eu-west', 'eu-west-1.evil.example', 'eu-west-1/', 'EU-WEST-1', '-a-1'])(
    'is not in the region "%s", which is invalid',
    (region) => expect(isAwsRegion(region)).toBe(false),
  )
})

describe('a registry host of Google', () => {
  test.each(['gcr.io', 'eu.gcr.io', 'europe-docker.pkg.dev', 'us-west1-docker.pkg.dev', 'docker.pkg.dev'])(
    '%s is recognized',
    (registry) => expect(isGoogleRegistry(registry)).toBe(true),
  )

  test.each(['xgcr.io', 'gcr.io.evil.example', 'gcr.io:443', 'evilpkg.dev', 'ghcr.io', ''])(
    'is not "%s", which only has a similar name',
    (registry) => expect(isGoogleRegistry(registry)).toBe(false),
  )
})

describe('a registry host of Azure', () => {
  test.each([
    ['team.azurecr.io', 'https://login.microsoftonline.com'],
    ['team.azurecr.cn', 'https://login.partner.microsoftonline.cn'],
    ['team.azurecr.us', 'https://login.microsoftonline.us'],
  ])('%s is recognized, with the Entra endpoint of its cloud', (registry, entra) => {
    expect(azureEndpoint(registry, null)).toEqual({ loginServer: registry, entra })
  })

  test('of one region belongs to the login server of the whole registry', () => {
    expect(azureEndpoint('team.eastus.geo.azurecr.io', null)).toMatchObject({
      loginServer: 'team.azurecr.io',
    })
  })

  test('with another name has the login server that the credential names', () => {
    expect(azureEndpoint('registry.example', 'team.azurecr.us')).toEqual({
      loginServer: 'team.azurecr.us',
      entra: 'https://login.microsoftonline.us',
    })
    expect(azureEndpoint('registry.example', 'evil.example')).toBeUndefined()
  })

  test.each([
    'azurecr.io',
    'team.eastus.data.azurecr.io',
    'team.azurecr.io.evil.example',
    'team.azurecr.de',
    'teamazurecr.io',
    'team.evilazurecr.io',
    'evil.example/team.azurecr.io',
    'team.azurecr.io:8443',
  ])('is none that is only called alike: %s', (registry) => {
    expect(azureEndpoint(registry, null)).toBeUndefined()
  })
})

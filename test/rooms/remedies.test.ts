import { describe, expect, test } from 'vitest'
import { createSchema } from '../../src/graphql/schema.ts'
import { readModules } from './modules.ts'
import { fieldsIn, flagsIn } from './remedies.ts'

/** Modules with flags of other programs. */
const OTHER_PROGRAMS =
  /^(?:vendors\/|trust\/signature\/notation\.ts|graphql\/federation\/federation-rule-input\.ts|kubernetes\/client\/kubeconfig\.ts)/

const modules = readModules()
const message = (text: string) => [{ path: 'a.ts', text: `'${text}'` }]

describe('a message that names a remedy', () => {
  test('names flags of settings only', () => {
    const { known, unknown } = flagsIn(modules.filter(({ path }) => !OTHER_PROGRAMS.test(path)))

    expect(unknown).toEqual([])
    for (const flag of [
      'private-networks',
      'ca-file',
      'docker-config',
      'credentials-key-file',
      'lost-credentials-key',
      'maximum-blob-gib',
      'minimum-free-mib',
      'allowed-origins',
      'open-to-everybody',
      'webhook-secret',
      'host',
      'port',
      'data',
    ]) {
      expect(known).toContain(flag)
    }
  })

  test('names mutations and fields of the schema only', () => {
    const { known, unknown } = fieldsIn(modules, createSchema())

    expect(unknown).toEqual([])
    for (const name of [
      'importImage.insecure',
      'configureRegistry.insecure',
      'configureRegistry.ca',
      'configureRegistry.clientCertificate',
      'configureRegistry.proxy',
      'configureRegistry.apiUrl',
      'configureRegistry.access',
      'configureRegistry.location',
      'setRegistryCredential',
      'rotateReceiverSecret',
      'updateReceiver',
    ]) {
      expect(known).toContain(name)
    }
  })

  test('fails these tests when it names what does not exist', () => {
    expect(flagsIn(message('set --no-such-flag to permit it')).unknown).toEqual(['a.ts: no-such-flag'])
    const schema = createSchema()
    for (const [text, name] of [
      ['none in configureRegistry permits it', 'configureRegistry.none'],
      ['insecure: true in importNothing or configureRegistry permits it', 'importNothing.insecure'],
      ['setNothing changes it', 'setNothing'],
      ['set it with setNothing', 'setNothing'],
    ] as const) {
      expect(fieldsIn(message(text), schema).unknown).toContain(`a.ts: ${name}`)
    }
  })
})

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readKeyFile, writeKeyFile } from '../../src/secrets/key-file.ts'
import { SealingKeyError } from '../../src/secrets/sealing-key.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-keys-'))
  path = join(folder, 'credentials.key')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (mode: number, text = 'the key'): void => {
  writeFileSync(path, text)
  chmodSync(path, mode)
}

describe('a key file', () => {
  test('is written for its owner alone, also after a crash left a partial file', () => {
    writeFileSync(`${path}.new`, 'half', { mode: 0o644 })

    writeKeyFile(path, 'whole')

    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(existsSync(`${path}.new`)).toBe(false)
    expect(readKeyFile(path)).toBe('whole')
  })

  test.each([0o600, 0o400])('is read when only its owner may access it: %o', (mode) => {
    write(mode)
    expect(readKeyFile(path)).toBe('the key')
  })

  test.each([0o640, 0o604, 0o660, 0o602, 0o610, 0o644])(
    'is refused when others may do anything with it: %o',
    (mode) => {
      write(mode)
      expect(() => readKeyFile(path)).toThrow(SealingKeyError)
      expect(() => readKeyFile(path)).toThrow(`mode 0${mode.toString(8)}): run chmod 600 ${path}`)
    },
  )

  test('that does not exist is undefined', () => {
    expect(readKeyFile(path)).toBeUndefined()
  })

  test('must be a regular file of limited size', () => {
    mkdirSync(path, { mode: 0o700 })
    expect(() => readKeyFile(path)).toThrow(/is not a regular file/)
    rmSync(path, { recursive: true })
    write(0o600, 'x'.repeat(64 * 1024 + 1))
    expect(() => readKeyFile(path)).toThrow(/has more than 65536 bytes/)
    expect(() => readKeyFile('/dev/zero')).toThrow(SealingKeyError)
  })

  test('that cannot be written throws the cause', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => writeKeyFile(join(folder, 'file', 'key'), 'x')).toThrow(/cannot be written: ENOTDIR/)
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('')
  })
})

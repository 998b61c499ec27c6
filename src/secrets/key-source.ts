import { readKeyFile, writeKeyFile } from './key-file.ts'
import { newSealingKey, SealingKeyError } from './sealing-key.ts'

/** Where an operator may provide the sealing keys. */
export interface KeySettings {
  /** The keys themselves, and the name of their setting for messages; null when they are in a file. */
  readonly given: { readonly text: string; readonly source: string } | null
  /** Path of the file that must contain them; null for the default file. */
  readonly file: string | null
  /** Path of the file that is created with a new key when it does not exist. */
  readonly defaultFile: string
}

/** Text of the sealing keys. */
export interface ProvidedKeys {
  readonly text: string
  /** Where they come from, for messages. */
  readonly source: string
  /** Writes newly generated keys to the key file. */
  save(): void
}

/** Returns the keys of the settings, or new ones for a default file that does not exist. Throws SealingKeyError. */
export function provideKeys({ given, file, defaultFile }: KeySettings): ProvidedKeys {
  const save = (): void => {}
  if (given) return { ...given, save }
  const path = file ?? defaultFile
  const source = `the key file ${path}`
  const text = readKeyFile(path)
  if (text !== undefined) return { text, source, save }
  if (file !== null) {
    throw new SealingKeyError(
      `${source} is not there: "openssl rand -base64 32" makes a key to write into it`,
    )
  }
  const made = newSealingKey()
  return { text: made, source: `${source}, which is not there`, save: () => writeKeyFile(path, `${made}\n`) }
}

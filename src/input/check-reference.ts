import { InvalidReferenceError, parseReference, type Reference } from '../oci/reference.ts'
import { InvalidInputError } from './errors.ts'

/** Returns the text if it refers to a whole repository, else throws InvalidInputError. */
export function checkRepository(text: string, field: string): string {
  const { tag, digest } = checkReference(text, field)
  // parsing adds the default tag `latest`: only the text shows whether a tag was written
  if (digest !== null || (tag !== null && text.endsWith(`:${tag}`))) {
    throw new InvalidInputError(
      field,
      `"${text}" names one image: leave out the tag and digest to name the repository`,
    )
  }
  return text
}

/** Parses a reference. Throws InvalidInputError. */
export function checkReference(text: string, field: string): Reference {
  try {
    return parseReference(text)
  } catch (error) {
    if (error instanceof InvalidReferenceError)
      throw new InvalidInputError(field, error.message, { cause: error })
    throw error
  }
}

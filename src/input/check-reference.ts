import { InvalidReferenceError, parseReference, type Reference } from '../oci/reference.ts'
import { InvalidInputError } from './errors.ts'

/** Throws InvalidInputError where the text is no reference of a whole repository. Returns it as it was written. */
export function checkRepository(text: string, field: string): string {
  const { tag, digest } = checkReference(text, field)
  // parsing fills in `latest`, so a tag that was written shows in the text
  if (digest !== null || (tag !== null && text.endsWith(`:${tag}`))) {
    throw new InvalidInputError(
      field,
      `"${text}" names one image: leave out the tag and digest to mean the repository`,
    )
  }
  return text
}

/** Throws InvalidInputError. */
export function checkReference(text: string, field: string): Reference {
  try {
    return parseReference(text)
  } catch (error) {
    if (error instanceof InvalidReferenceError)
      throw new InvalidInputError(field, error.message, { cause: error })
    throw error
  }
}

/**
 * Complexity of a mutation by what it does, in values of the operation’s limit: several mutations of one request are limited by
 * their work.
 */
export const MUTATION_COMPLEXITY = {
  /** Writes a tag, a setting or a credential. */
  write: 1_000,
  /** Writes a whole image stream with its history. */
  stream: 5_000,
  /** Sends requests to a registry. */
  remote: 5_000,
  /** Reads documents, and writes all that they contain. */
  documents: 20_000,
  /** Reads all histories or all content. */
  plan: 50_000,
} as const

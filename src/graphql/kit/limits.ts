/** Bytes of a request's body; more is answered with 413. */
export const MAX_BODY_BYTES = 1024 * 1024

/** Milliseconds for a request's body to arrive; then its connection is closed. */
export const BODY_TIMEOUT = 30_000

/** Characters of a document. Long inputs belong into variables; documents are kept in a cache. */
export const MAX_DOCUMENT_LENGTH = 64 * 1024

/** Lexical tokens of a document. */
export const MAX_TOKENS = 2_000

/** Brackets inside brackets, of any kind: the parser recurses on each. */
export const MAX_NESTING = 64

/** Fields inside fields; introspection is not counted. */
export const MAX_DEPTH = 20

/** Aliases of one operation. */
export const MAX_ALIASES = 50

/** Directives of one operation. */
export const MAX_DIRECTIVES = 50

/** Characters of all documents that stay parsed and validated. */
export const DOCUMENT_CACHE_LENGTH = 4 * 1024 * 1024

/** Bytes of one WebSocket message from a client; more closes the socket with 1009. */
export const MAX_MESSAGE_BYTES = 64 * 1024

/** Operations that run at the same time on one WebSocket; the next is refused with TOO_COMPLEX. */
export const MAX_OPERATIONS_PER_SOCKET = 50

/** Connections of all kinds at the same time; the next is closed at once. */
export const MAX_CONNECTIONS = 20_000

/** Milliseconds for `connection_init` to arrive; then 4408. */
export const INIT_TIMEOUT = 3_000

/** Milliseconds between signs of life on an idle stream; a WebSocket that answers none for as long again is ended. */
export const KEEP_ALIVE = 12_000

/**
 * Milliseconds in which a stream's client must take something of what is written for it; then the stream is closed,
 * a WebSocket with 1013. With the 10 s for closing it is gone after 30 s.
 */
export const SLOW_READER_TIMEOUT = 20_000

/** Milliseconds for a client to answer a close frame. */
export const CLOSE_TIMEOUT = 10_000

/** Field values that one operation may ask for, counted before it runs: pages by their size, other lists as five. */
export const MAX_COMPLEXITY = 200_000

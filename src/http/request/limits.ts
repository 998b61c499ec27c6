/** Bytes of a request's body; a longer one gets a 413. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Bytes of the bodies of all requests to all endpoints in memory at a time; the next gets a 503. */
export const MAX_BODY_MEMORY = 64 * 1024 * 1024
/** Bytes of stored content that the results of all operations have in memory at a time; half of it for one client. */
export const MAX_RESULT_MEMORY = 256 * 1024 * 1024
/** Characters of a document. Long inputs belong in variables; documents are cached. */
export const MAX_DOCUMENT_LENGTH = 64 * 1024
/** Lexical tokens of a document. */
export const MAX_TOKENS = 2_000
/** Nested brackets of any kind: the parser recurses on each. */
export const MAX_NESTING = 64
/** Nested fields; introspection is not counted. */
export const MAX_DEPTH = 20
/** Aliases of one operation. */
export const MAX_ALIASES = 50
/** Directives of one operation. */
export const MAX_DIRECTIVES = 50
/** Characters of all parsed and validated documents that are cached. */
export const DOCUMENT_CACHE_LENGTH = 4 * 1024 * 1024
/** Bytes of one WebSocket message from a client; a longer one closes the socket with 1009. */
export const MAX_MESSAGE_BYTES = 64 * 1024
/** Operations that run at the same time on one WebSocket; the next is refused with TOO_COMPLEX. */
export const MAX_OPERATIONS_PER_SOCKET = 50
/** Connections of all kinds at the same time; the next is closed at once. */
export const MAX_CONNECTIONS = 20_000
/** Unread bytes of a stream or WebSocket at which a further result is not sent: it is closed. One result may be longer. */
export const MAX_PENDING_BYTES = 16 * 1024 * 1024
/** Unread bytes of all clients together, above which those with the most are disconnected. */
export const MAX_PENDING_BYTES_OF_ALL = 128 * 1024 * 1024
/** Milliseconds for a client to respond to a close frame. */
export const CLOSE_TIMEOUT = 10_000
/** Bytes of one delivery to a receiver. */
export const MAX_DELIVERY_BYTES = 2 * 1024 * 1024

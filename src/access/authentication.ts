import { EVERYTHING } from './right/rights.ts'
import { anonymous, type Client, type Viewer } from './right/viewer.ts'

/** The credentials of a request, as its headers have them; undefined for a header that it does not have. */
export interface PresentedCredentials {
  /** `Bearer …` or `Basic …`; for a WebSocket also from its `connection_init`. */
  readonly authorization?: string | undefined
  /** All cookies of the browser. */
  readonly cookie?: string | undefined
}

/** Returns who sends a request, for the API, its sockets and event streams, and the registry alike. */
export interface Authentication {
  /** OPEN: every client may do everything. SIGN_IN: clients have the rights of the credential that they present. */
  readonly mode: 'OPEN' | 'SIGN_IN'
  /**
   * Returns the viewer of a request: anonymous without a credential. Throws UnauthenticatedError, or rejects with it, for
   * a credential that is present and not valid; such a request never continues as anonymous.
   */
  viewerOf(presented: PresentedCredentials, client: Client): Viewer | Promise<Viewer>
  /** Reports whether the request presents a cookie alone, which a browser adds also to requests of other sites' pages. */
  usesCookie(presented: PresentedCredentials): boolean
  /**
   * Returns the same principal with its rights now: the same object if nothing has changed. Undefined when its credential
   * was revoked or has expired, or when the person was suspended. Takes viewers that `viewerOf` or `renew` returned.
   */
  renew(viewer: Viewer): Viewer | undefined
  /** Calls the listener after each commit that changes what viewers may do. Returns a function that ends this. */
  onChange(listener: () => void): () => void
}

/** The server without sign-in: everyone is anonymous and may do everything. A credential that is sent is ignored. */
export const OPEN: Authentication = {
  mode: 'OPEN',
  viewerOf: (_presented, client) => anonymous(EVERYTHING, client),
  usesCookie: () => false,
  renew: (viewer) => viewer,
  onChange: () => () => {},
}

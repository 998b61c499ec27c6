/** A threat, and the tests that show its safe result: each is a file below `test/` and the title of one of its tests. */
export interface Threat {
  readonly tried: string
  readonly tests: readonly (readonly [file: string, title: string])[]
}

const egress = 'egress/egress.test.ts'
const exfiltration = 'hostile/registry-exfiltration.test.ts'
const floods = 'hostile/registry-floods.test.ts'
const requests = 'hostile/requests.test.ts'
const manifests = 'registry/manifest-hostile.test.ts'
const access = 'hostile/registry-access.test.ts'
const others = 'hostile/rights-of-others.test.ts'
const forbidden = [egress, 'egress connects to no forbidden address'] as const

/** Attacks on this server, numbered as in the list of threats from which they come. */
export const THREATS: Readonly<Record<number, Threat>> = {
  1: { tried: '127.1, 2130706433, 0x7f.1 and other spellings of IPv4', tests: [forbidden] },
  2: { tried: 'IPv4 addresses inside of IPv6 addresses', tests: [forbidden] },
  3: { tried: 'addresses of metadata services', tests: [forbidden] },
  4: { tried: '0.0.0.0, localhost, link-local and multicast addresses', tests: [forbidden] },
  5: {
    tried: 'a name with public and private addresses',
    tests: [[egress, 'when one of the addresses of a name is forbidden']],
  },
  6: {
    tried: 'a name that gets a private address later',
    tests: [
      [
        egress,
        'when a name resolves to another address the second time: it is resolved once for each connection',
      ],
    ],
  },
  7: {
    tried: 'a pooled socket after a change of the policy',
    tests: [['egress/routes.test.ts', 'that are idle are closed, and the next request opens another']],
  },
  8: {
    tried: 'a challenge with a private realm',
    tests: [
      [
        exfiltration,
        'a registry cannot make this server connect to a forbidden address (ggcr #2258: validateRealmURL, checkRedirectSSRF)',
      ],
    ],
  },
  9: {
    tried: 'redirects to private addresses',
    tests: [
      ['remote/content/blobs.test.ts', 'when the redirect target is a forbidden address'],
      [exfiltration, 'by redirecting endlessly'],
    ],
  },
  10: {
    tried: 'redirects to file: and from https to http',
    tests: [[exfiltration, 'by redirecting from https to http, or by a token server without TLS']],
  },
  11: {
    tried: 'a Link to another host',
    tests: [['hostile/registry-targets.test.ts', 'is not followed to another host: only its query is used']],
  },
  12: {
    tried: 'urls of a layer',
    tests: [
      ['remote/content/blobs.test.ts', 'never requests the urls of a descriptor'],
      ['registry/pull-through-failure.test.ts', 'a layer is not fetched from the URLs in its descriptor'],
    ],
  },
  13: {
    tried: 'a webhook of this server to its own ports',
    tests: [['hostile/threats.test.ts', 'a trigger sends no request to %s']],
  },
  14: {
    tried: 'the test of a webhook as a port scanner',
    tests: [['hostile/threats.test.ts', 'a trigger sends no request to %s']],
  },
  15: {
    tried: 'a webhook that responds with a redirect',
    tests: [['graphql/trigger/trigger.test.ts', 'follows no redirect of a receiver']],
  },
  16: {
    tried: 'user information, backslashes and line breaks in references',
    tests: [['oci/reference.test.ts', 'user information']],
  },
  17: { tried: 'ports 22, 25 and 6379', tests: [[egress, 'nor to port %d']] },
  18: {
    tried: 'a realm on the host of an attacker',
    tests: [
      [exfiltration, 'and not to another token server: %s'],
      ['remote/login/trusted-realm.test.ts', 'a login for %s is not sent to %s'],
    ],
  },
  19: {
    tried: 'a challenge for a foreign layer',
    tests: [['remote/content/blobs.test.ts', 'never requests the urls of a descriptor']],
  },
  20: {
    tried: 'a redirect that changes host, port or scheme',
    tests: [
      [exfiltration, 'and not after a redirect that returns from another host'],
      ['remote/content/blobs.test.ts', 'follows a redirect without credentials'],
    ],
  },
  21: {
    tried: 'a challenge of a redirect target',
    tests: [
      [
        exfiltration,
        "and not to another registry that it redirects to: requests there are anonymous, without the original's credentials",
      ],
    ],
  },
  22: {
    tried: 'hosts that resemble that of a credential',
    tests: [['remote/login/docker-config-credentials.test.ts', 'does not return the login of r.io for %s']],
  },
  23: {
    tried: "a stream that uses another namespace's login",
    tests: [[others, 'row 23, a stream in one namespace that needs the login of another']],
  },
  24: {
    tried: 'a token for one repository, sent for another',
    tests: [[exfiltration, 'and a token for one repository is not sent for another']],
  },
  25: {
    tried: 'an error of a registry that repeats a login',
    tests: [
      ['hostile/credentials.test.ts', 'is in no response, log line or file, even when a registry repeats it'],
    ],
  },
  26: {
    tried: 'a query for a secret',
    tests: [
      ['hostile/credentials.test.ts', 'is no field of the schema'],
      ['hostile/receivers.test.ts', 'is not a field of the schema'],
    ],
  },
  27: {
    tried: 'secrets in the log',
    tests: [
      ['hostile/credentials.test.ts', 'is in no response, log line or file, even when a registry repeats it'],
      ['hostile/receivers.test.ts', 'is in no later response, no log line and no file'],
    ],
  },
  28: {
    tried: 'a stolen database, and secrets that were moved to other rows',
    tests: [
      [
        'hostile/credentials.test.ts',
        'fails the import with the cause, is sent to no registry, and does not stop the server',
      ],
      ['secrets/sealer.test.ts', 'opens nothing with a changed bit or missing bytes'],
    ],
  },
  29: {
    tried: 'a manifest of 1 GiB',
    tests: [[floods, 'is cut off at 4 MiB of a chunked manifest of 1 GiB']],
  },
  30: {
    tried: 'a compressed response',
    tests: [[floods, 'is not decompressed, since the request did not accept compression']],
  },
  31: { tried: 'a byte every 200 ms', tests: [[floods, 'and sends one byte at a time times out']] },
  32: { tried: 'headers that never arrive', tests: [[floods, 'and sends nothing times out (insecure: %s)']] },
  33: {
    tried: 'endless pages of tags',
    tests: [
      [
        'hostile/registries-listing.test.ts',
        'that never ends is abandoned at a million tags, and nothing is imported',
      ],
    ],
  },
  34: {
    tried: 'a Link to itself',
    tests: [['hostile/registries-listing.test.ts', 'that links to its own beginning is read once']],
  },
  35: {
    tried: 'bytes of another digest',
    tests: [['hostile/registries-content.test.ts', 'bytes with another digest']],
  },
  36: {
    tried: 'digests that are paths, or of another algorithm',
    tests: [[manifests, 'a descriptor with a path as digest or an invalid size is rejected']],
  },
  37: {
    tried: 'web pages, and manifests that are both image and index',
    tests: [
      ['hostile/registries-content.test.ts', 'a web page'],
      [
        'registry/manifest-put.test.ts',
        'rejects a document that is both an image and an index (CVE-2021-41190)',
      ],
    ],
  },
  38: {
    tried: 'nested, cyclic and endless indexes',
    tests: [
      [manifests, 'indexes are nested at most three levels deep, whatever is pushed in between'],
      [manifests, 'an index has a limited number of children'],
    ],
  },
  39: {
    tried: '200,000 levels of JSON',
    tests: [
      [manifests, '200,000 levels of nesting are refused before they are parsed; 64 levels are accepted'],
      ['oci/json.test.ts', 'may have 64 levels, as text and as bytes'],
    ],
  },
  40: {
    tried: 'duplicate keys and invalid UTF-8',
    tests: [[manifests, 'of a duplicate key, the value that is checked is the one that is used']],
  },
  41: {
    tried: '100,000 tags with duplicates and illegal names',
    tests: [
      [
        'hostile/registries-listing.test.ts',
        'with nulls, duplicates and invalid names yields each valid tag once',
      ],
      ['remote/content/tags.test.ts', 'of 100,000 tags in one page yields to other work'],
    ],
  },
  42: {
    tried: 'a tag that moves between HEAD and GET',
    tests: [
      [
        'hostile/threats.test.ts',
        'a tag that moves between HEAD and GET gets the image of one of its moments',
      ],
    ],
  },
  43: {
    tried: 'Retry-After of 10⁹ and negative',
    tests: [
      [
        'remote/traffic/retry-after.test.ts',
        'Retry-After of arbitrary values is between a second and an hour, or undefined (threats: clamp, never fail open)',
      ],
    ],
  },
  44: {
    tried: 'invalid certificates',
    tests: [['hostile/registries.test.ts', 'with an expired certificate, or one for another name']],
  },
  45: {
    tried: 'a config that is longer than announced',
    tests: [['remote/content/manifests.test.ts', "reads no more than its descriptor's size"]],
  },
  46: {
    tried: '20,000 brackets',
    tests: [
      [requests, 'a literal of 20,000 brackets'],
      [requests, 'is refused with 400 and TOO_COMPLEX'],
    ],
  },
  47: { tried: '10,000 aliases', tests: [[requests, '10,000 aliases']] },
  48: { tried: 'an array of operations', tests: [[requests, 'an array of operations']] },
  49: {
    tried: 'cycles of fragments',
    tests: [[requests, 'with fragments that spread each other in cycles is a validation error']],
  },
  50: {
    tried: '60 MiB of variables',
    tests: [[requests, 'of 60 MiB is refused with 413 before it is read']],
  },
  51: {
    tried: 'introspection',
    tests: [[requests, 'may contain introspection and gets suggestions, unless introspection is off']],
  },
  52: {
    tried: 'pages of 2,147,483,647 and of -1',
    tests: [
      ['hostile/threats.test.ts', 'a page of 2,147,483,647, of -1 or of a nested list is refused'],
      ['graphql/kit/connections.test.ts', 'first: 501'],
    ],
  },
  53: {
    tried: 'text/plain, and mutations by GET',
    tests: [
      [requests, 'of type %s, which other sites can send, runs nothing'],
      ['http/server.test.ts', 'with GET can query, and cannot mutate'],
    ],
  },
  54: {
    tried: 'an internal error with a secret',
    tests: [
      [
        'http/errors.test.ts',
        'of the server hides its cause, which is logged once under the request id in the error',
      ],
    ],
  },
  55: {
    tried: 'a WebSocket of another site with a cookie',
    tests: [
      ['flows/sign-in.test.ts', 'opens a WebSocket for pages of this server alone (threat 55)'],
      ['hostile/hosts-and-origins.test.ts', 'every combination of Host, Origin and Sec-Fetch-Site'],
    ],
  },
  56: { tried: 'no connection_init', tests: [[requests, 'without connection_init is closed with 4408']] },
  57: {
    tried: '5,000 subscriptions of one socket',
    tests: [[requests, 'runs 50 operations at the same time and refuses the next one']],
  },
  58: {
    tried: 'a ping of 90 MiB',
    tests: [
      [requests, 'that announces a %s of 90 MiB is closed at its header'],
      ['hostile/subscribers.test.ts', 'is disconnected when it pings on and on'],
    ],
  },
  59: {
    tried: 'a reader that stops',
    tests: [
      [
        'hostile/subscribers.test.ts',
        'does not delay the others or use memory, is closed with 1013, and resumes without a gap',
      ],
      [
        'hostile/subscribers.test.ts',
        'is closed with 1013 when its operations have too much unread data, whatever it sends next',
      ],
    ],
  },
  60: {
    tried: '10,000 sockets of one client',
    tests: [
      [
        'http/connection-limits.test.ts',
        'has a maximum number of connections; the next gets a 503 with Retry-After, until one is closed',
      ],
      [
        'http/connection-limits.test.ts',
        'has a maximum number of WebSockets and event streams, from all addresses, until one is closed',
      ],
    ],
  },
  61: {
    tried: 'a token that is revoked during a subscription',
    tests: [
      [
        'flows/access-tokens.test.ts',
        'is revoked at once, and its sockets and event streams are closed (threat 61)',
      ],
    ],
  },
  62: {
    tried: 'the same documents over WebSocket',
    tests: [
      [requests, 'is refused over a WebSocket as an error of that operation, and the socket stays open'],
    ],
  },
  63: {
    tried: 'paths with %2e%2e, NUL and _uploads',
    tests: [['registry/router-requests.test.ts', 'a name that leads outside of its folder']],
  },
  64: {
    tried: 'a blob of another digest',
    tests: [
      ['conformance/oci-uploads.test.ts', '%s: bytes of another digest are 400, and nothing is stored'],
    ],
  },
  65: {
    tried: 'the id of the upload of another client',
    tests: [
      [access, "row 65, another's upload"],
      ['registry/router-access.test.ts', 'cannot use an upload even if it knows the id'],
      ['registry/upload.test.ts', 'is unknown in every other repository'],
    ],
  },
  66: {
    tried: 'a mount from a repository that is not readable',
    tests: [
      [access, 'row 66, a mount from a repository that the client may not read'],
      ['registry/upload-mount.test.ts', 'cannot be mounted, as if it did not exist, with "%s"'],
    ],
  },
  67: {
    tried: 'a known digest through a repository of its own',
    tests: [
      [access, "row 67, a known digest through the client's own repository"],
      ['registry/upload-mount.test.ts', 'is not served by its digest, and a push needs its bytes'],
    ],
  },
  68: {
    tried: 'a manifest of 5 MiB, and one without its blobs',
    tests: [
      [access, 'row 68, a manifest that is too long, or lacks blobs'],
      [
        'registry/manifest-put.test.ts',
        'accepts exactly 4 MiB, and rejects one byte more with or without a Content-Length',
      ],
      ['registry/manifest-put.test.ts', 'lists every missing part in its own error entry'],
    ],
  },
  69: {
    tried: '_catalog?n=10¹²',
    tests: [
      [access, 'row 69, a page of the catalog with 10¹² names'],
      ['registry/catalog.test.ts', 'has at most one page of names: %s'],
      ['registry/catalog.test.ts', 'lists only repositories that the client sees, also across pages'],
    ],
  },
  70: {
    tried: 'a deletion with a credential for pushes',
    tests: [[access, 'row 70, a deletion with a credential for pushes']],
  },
  71: {
    tried: 'forged tokens',
    tests: [
      [access, 'row 71, a forged token'],
      ['access/federation/issuers.test.ts', 'row 71: a token that is forged'],
    ],
  },
  72: {
    tried: 'overlapping chunks, and pushes of one tag at the same time',
    tests: [
      ['registry/upload-hostile.test.ts', 'at the same moment never mixes its bytes with the first'],
      [manifests, 'concurrent pushes of one tag are all recorded, one after the other'],
    ],
  },
  73: {
    tried: 'a full disk, and uploads that are never finished',
    tests: [
      ['registry/upload-full.test.ts', 'rejects the rest of an upload, and frees its space'],
      ['collect/blobs/content.test.ts', 'removes uploads that received no byte for a day'],
    ],
  },
  74: {
    tried: 'a delivery with another byte or MAC',
    tests: [
      ['receivers/authenticity.test.ts', 'covers the raw bytes: one more, less or other byte is refused'],
      ['receivers/constant-time.test.ts', 'compares secrets in constant time, by digests of the same length'],
    ],
  },
  75: {
    tried: 'a repeated delivery',
    tests: [
      ['receivers/authenticity.test.ts', 'is refused when it is repeated later'],
      ['receivers/delivery-intake.test.ts', 'is a duplicate by the id of the sender'],
    ],
  },
  76: {
    tried: "one receiver's delivery to another",
    tests: [['hostile/receivers.test.ts', 'a delivery of %s is authenticated over HTTP, and stored once']],
  },
  77: {
    tried: 'a forged delivery with the secret',
    tests: [['hostile/receivers.test.ts', 'causes one request to the registry, and changes nothing']],
  },
  78: {
    tried: 'ids of another namespace, enumerated',
    tests: [
      ['hostile/stranger.test.ts', 'finds nothing else by the ids that others have'],
      ['flows/streams-of-others.test.ts', 'are not found by the ids of their parts'],
    ],
  },
  79: {
    tried: 'a path from a stream over an image to streams of others',
    tests: [
      [others, 'row 79, an image that streams of two namespaces have'],
      ['hostile/stranger.test.ts', 'gets the same from every field whether or not another namespace exists'],
    ],
  },
  80: {
    tried: 'a subscription to another namespace, and one whose right is removed',
    tests: [
      [others, 'delivers nothing of another namespace, and nothing once a right is removed'],
      ['graphql/live/change-hub.test.ts', 'decide about each push at the time it is sent'],
    ],
  },
  81: {
    tried: 'a tag from another stream, whose right is removed later',
    tests: [[others, 'row 81, a tag that follows one of another namespace']],
  },
  82: {
    tried: 'cursors that are forged, or of another viewer',
    tests: [
      ['flows/known-content.test.ts', 'give no right: a page after a cursor of another namespace is empty'],
      ['flows/streams-of-others.test.ts', 'have no cursor that leads to them'],
    ],
  },
  83: {
    tried: 'ids of another namespace in mutations',
    tests: [[others, 'row 83, an id of another namespace in a mutation']],
  },
  84: {
    tried: 'SQL in names, labels and orders',
    tests: [['hostile/threats.test.ts', 'SQL in a name, a label, a search or a cursor is text']],
  },
  85: {
    tried: '__proto__ in JSON',
    tests: [
      [manifests, 'a key named __proto__ is an ordinary key'],
      ['receivers/hostile.test.ts', 'reads keys such as __proto__ and constructor as names'],
    ],
  },
  86: {
    tried: 'HTML in tags and labels',
    tests: [
      ['hostile/threats.test.ts', 'HTML in a label is text of a response that no browser executes'],
      [
        'http/graphiql.test.ts',
        'is a small page under a strict content security policy, whose files are all from this server',
      ],
    ],
  },
  87: {
    tried: 'line breaks, terminal codes and bidirectional text',
    tests: [['hostile/control-characters.test.ts', 'in an argument of the API']],
  },
  88: {
    tried: 'an unknown user, or a bad password',
    tests: [[access, 'row 88, an unknown user, or a bad password']],
  },
  89: {
    tried: 'many guesses in one request or in parallel, over any entry point',
    tests: [
      ['flows/rate-limits.test.ts', 'of all entry points make an address wait, also with a right credential'],
    ],
  },
}

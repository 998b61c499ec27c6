/**
 * The object types without an id, each with the reason: a value is read and replaced as a whole, as a property of an object
 * with an id, so that clients need no key for it.
 */
export const VALUES: Readonly<Record<string, string>> = {
  // properties of an image stream, its spec and its tags
  ImageLookupPolicy: 'settings of a spec',
  KeyValue: 'an entry of labels or annotations, which are replaced as a whole',
  ObjectReference: 'the source of a spec tag',
  Condition: 'a property of a stream or a tag, one of each type',
  ReceiverSecret: 'lifetime of a secret of a receiver, without its value',
  ReceiverSettings: 'settings of a receiver',
  ServerLimits: 'settings of the server, fixed while it runs',
  TagFilter: 'a setting of a policy',
  TagImportPolicy: 'settings of a spec or a spec tag',
  TagPolicy: 'settings of a spec tag',
  TagReferencePolicy: 'a setting of a spec tag',
  TrustedKey: 'a property of a requirement',
  TrustRequirement: 'a setting of the trust of a stream, replaced with all others',
  // properties of an image, which never change
  ImageConfig: 'a property of an image',
  ImageLayer: 'a property of an image',
  IndexEntry: 'a property of an image',
  Platform: 'a property of an image or an index entry',
  // computed when they are read
  ImageDifference: 'computed from two images',
  ImageSignature: 'a part of a verification',
  ImageVerification: 'computed for a tag',
  LayerDifference: 'a part of a difference',
  PlatformDifference: 'a part of a difference',
  PolicyExcludedTag: 'a part of the decision of a policy, which is replaced as a whole',
  PolicyRankedTag: 'a part of the decision of a policy, which is replaced as a whole',
  ResolvedImage: 'computed from a name',
  SettingChange: 'a part of a difference',
  ValueChange: 'a part of a difference',
  // properties of registries, their hosts and their configurations
  CircuitBreaker: 'a state of a registry host',
  RegistryAccount: 'a state of a registry host, which does not name the account',
  RegistryCertificate: 'a setting of a registry configuration',
  RegistryLocation: 'a part of a registry plan',
  RegistryMirror: 'a setting of a registry configuration, replaced with all others',
  RegistryPlan: 'computed for a repository',
  RegistryProxy: 'a setting of a registry configuration',
  RegistryUsage: 'computed for a repository or the registry',
  RequestBudget: 'a state of a registry host',
  // reports of mutations and plans, which are not stored
  AppliedDocument: 'the result of a mutation',
  ReceiverTestTarget: 'the result of a mutation',
  SkippedDockerConfigEntry: 'the result of a mutation',
  SkippedDocument: 'the result of a mutation',
  StoppedSource: 'the result of a mutation',
  GarbageCollectionPlan: 'a plan, computed when it is read',
  ImagePrunePlan: 'a plan, computed when it is read',
  ImagePruning: 'the result of a mutation',
  KeptImage: 'an item of a plan',
  KeptImageCount: 'a part of a plan',
  KeptManifest: 'an item of a plan',
  KeptManifestCount: 'a part of a plan',
  PlannedBlob: 'an item of a plan',
  PlannedImage: 'an item of a plan',
  PlannedManifest: 'an item of a plan',
  PlannedTagEvent: 'an item of a plan',
  // properties of registries, receivers and of the server
}

/** Operations that GraphiQL opens with, each in a tab. They run as they are, in this order, on a server that has nothing yet. */
export const EXAMPLES: readonly string[] = [
  `# Follow the Ruby images of Docker Hub: a few of their tags.
mutation CreateImageStream {
  createImageStream(
    input: {
      name: "ruby"
      spec: {
        tags: [
          { name: "latest", from: { kind: DockerImage, name: "docker.io/library/ruby:latest" } }
          { name: "3.4-slim", from: { kind: DockerImage, name: "docker.io/library/ruby:3.4-slim" } }
        ]
      }
    }
  ) {
    imageStream { name resourceVersion }
    import { state imported failed message results(first: 10) { nodes { tag state reason message } } }
  }
}
`,
  `# What each tag means now, and what it meant before.
query ImageStream {
  imageStream(name: "ruby") {
    status {
      tags(first: 10) {
        nodes {
          tag
          image { digest created size platform { os architecture } layers { digest size } }
          items(first: 5) { nodes { created dockerImageReference } }
        }
      }
    }
  }
}
`,
  `# Every push from now on. With since: "<cursor>", everything after that one as well.
subscription ImagePushed {
  imagePushed(imageStream: "ruby*") {
    cursor
    pushedAt
    imageStreamName
    tag
    dockerImageReference
    previousImage { digest }
  }
}
`,
  `# Ask the registry again; with confirm, the stream is created where there is none.
mutation ImportImage {
  importImage(input: { imageStream: "ruby", tag: "alpine", from: "docker.io/library/ruby:alpine", confirm: true }) {
    import { state imported unchanged failed results(first: 10) { nodes { tag state dockerImageReference message } } }
  }
}
`,
]

/** Operations in the tabs of GraphiQL. They run unchanged, in this order, on an empty server. */
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
  `# The image that each tag points to, and those that it pointed to before.
query ImageStream {
  imageStream(name: "ruby") {
    tags(first: 10) {
        nodes {
          tag
          image { digest created size platform { os architecture } layers { digest size } }
          items(first: 5) { nodes { created dockerImageReference } }
        }
      }
  }
}
`,
  `# Every push from now on. With since: "<cursor>", also all pushes after that cursor.
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
  `# Import one tag. With confirm: true, the stream is created if it does not exist.
mutation ImportImage {
  importImage(input: { imageStream: "ruby", tag: "alpine", from: "docker.io/library/ruby:alpine", confirm: true }) {
    import { state imported unchanged failed results(first: 10) { nodes { tag state dockerImageReference message } } }
  }
}
`,
]

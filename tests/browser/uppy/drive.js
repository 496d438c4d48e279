// The few verbs that a test needs of an Uppy, with answers that can leave the page.

const shown = (file) => ({
  name: file.name,
  url: file.uploadURL ?? null,
  error: file.error ?? null,
})

const summary = (result) => ({
  successful: (result?.successful ?? []).map(shown),
  failed: (result?.failed ?? []).map(shown),
})

// The same bytes as tests/browser/uppy/conftest.py makes of the same numbers.
export function bytesOf(head, length) {
  const bytes = new Uint8Array(length)
  bytes.set(head)
  for (let at = head.length; at < length; at += 1) bytes[at] = (at * 31 + (at >> 8)) & 0xff
  return bytes
}

export function drive(uppy) {
  const progress = []
  uppy.on('upload-progress', (_, done) => progress.push(done.bytesUploaded))
  return {
    add(name, type, head, length, meta = {}) {
      const data = new File([bytesOf(head, length)], name, { type, lastModified: 1 })
      return uppy.addFile({ name, type, data, meta })
    },
    upload: async () => summary(await uppy.upload()),
    retry: async () => summary(await uppy.retryAll()),
    begin: () => {
      window.running = uppy.upload().then(summary)
    },
    end: () => window.running,
    pause: () => uppy.pauseAll(),
    resume: () => uppy.resumeAll(),
    cancel: () => uppy.cancelAll(),
    // What Uppy's own dashboard does when people confirm that they want to go on.
    goOn: () =>
      new Promise((resolve) => {
        uppy.once('complete', (result) => resolve(summary(result)))
        uppy.emit('restore-confirmed')
      }),
    ghosts: () => uppy.getFiles().map((file) => Boolean(file.isGhost)),
    remembered: () => uppy.getFiles().map((file) => file.s3Multipart?.uploadId ?? null),
    progress: () => progress,
  }
}

// With Golden Retriever; `restored` is there once it has looked for what a page before had.
export function remembering(uppy, GoldenRetriever) {
  const driven = drive(uppy)
  driven.restored = new Promise((resolve) => {
    uppy.on('restored', () => resolve(true))
    setTimeout(() => resolve(false), 3000)
  })
  uppy.use(GoldenRetriever, { serviceWorker: false })
  return driven
}

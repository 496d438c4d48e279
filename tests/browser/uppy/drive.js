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

// The same bytes as tests/browser/test_uppy.py makes of the same numbers.
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
      const data = new File([bytesOf(head, length)], name, { type })
      return uppy.addFile({ name, type, data, meta })
    },
    upload: async () => summary(await uppy.upload()),
    retry: async () => summary(await uppy.retryAll()),
    begin: () => {
      window.running = uppy.upload().then(summary)
    },
    cancel: () => uppy.cancelAll(),
    remembered: () => uppy.getFiles().map((file) => file.s3Multipart?.uploadId ?? null),
    progress: () => progress,
  }
}

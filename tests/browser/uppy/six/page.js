// Uppy 6 and FilePond, ready to be driven from outside, each with its plugin's own options.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'
import XHRUpload from '@uppy/xhr-upload'
import { create } from 'filepond'
import { Upload } from 'tus-js-client'
import { bytesOf, drive, remembering } from '../drive.js'

window.six = (options) => drive(new Uppy().use(AwsS3, options))
window.sixRemembering = (options) => remembering(new Uppy().use(AwsS3, options), GoldenRetriever)
window.xhr = (options) => drive(new Uppy().use(XHRUpload, options))
window.tus = (options) => drive(new Uppy().use(Tus, options))

// FilePond sends a form by itself; `resumable` hands its files to tus-js-client instead.
window.pond = ({ resumable, ...options }) => {
  const process = (_field, file, _metadata, load, error, progress, abort) => {
    const upload = new Upload(file, {
      endpoint: resumable,
      metadata: { filename: file.name, filetype: file.type },
      retryDelays: [0, 100, 200, 400],
      onError: error,
      onProgress: (sent, total) => progress(true, sent, total),
      onSuccess: () => load(upload.url),
    })
    upload.start()
    return { abort: () => upload.abort(true).then(abort) }
  }
  const server = resumable ? { process } : options.server
  const pond = create(document.body.appendChild(document.createElement('input')), {
    ...options,
    server,
    name: 'file',
    instantUpload: false,
  })
  return {
    add: (name, type, head, length) => pond.addFile(new File([bytesOf(head, length)], name, { type })).then(() => {}),
    upload: () =>
      pond.processFiles().then(
        (files) => ({ done: files.map((file) => file.serverId) }),
        (fault) => ({ failed: fault?.error?.code ?? String(fault) }),
      ),
  }
}

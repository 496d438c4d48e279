// Drives tus-js-client: reads what to do as JSON from the first argument, writes what happened.
import { createReadStream, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { Upload } from 'tus-js-client'

const task = JSON.parse(process.argv[2])
const requests = []

function source() {
  if (!task.asStream) return readFileSync(task.file)
  return createReadStream(task.file).pipe(new PassThrough())
}

function run(options, begin = (upload) => upload.start()) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(source(), {
      endpoint: task.endpoint,
      headers: { Authorization: `Bearer ${task.key}` },
      metadata: task.metadata,
      retryDelays: [0, 50, 100, 200],
      onBeforeRequest: (request) => requests.push(`${request.getMethod()} ${request.getURL()}`),
      onError: reject,
      onSuccess: () => resolve(upload),
      ...options,
    })
    begin(upload, resolve, reject)
  })
}

async function whole() {
  const upload = await run(task.options)
  return { url: upload.url }
}

async function resumed() {
  // stop behind the first chunks, then go on from the address alone, as after a reload
  const url = await run({ ...task.options, chunkSize: 100_000 }, (upload, resolve) => {
    upload.options.onChunkComplete = (_size, sent) => {
      if (sent >= 300_000) upload.abort().then(() => resolve(upload.url))
    }
    upload.start()
  })
  requests.length = 0
  const upload = await run({ ...task.options, uploadUrl: url })
  return { url: upload.url }
}

async function paused() {
  // stop in the middle and go on with the same upload, as the buttons of a page do
  let pauses = 0
  const upload = await run({ ...task.options, chunkSize: 500_000 }, (upload) => {
    upload.options.onChunkComplete = (_size, sent) => {
      if (sent < 1_000_000 || pauses) return
      pauses += 1
      upload.abort().then(() => upload.start())
    }
    upload.start()
  })
  return { url: upload.url, pauses }
}

async function terminated() {
  const url = await run({ ...task.options, chunkSize: 100_000 }, (upload, resolve, reject) => {
    upload.options.onChunkComplete = () => {
      upload.abort(true).then(() => resolve(upload.url), reject)
    }
    upload.start()
  })
  return { url }
}

try {
  const done = await { whole, resumed, paused, terminated }[task.what]()
  console.log(JSON.stringify({ ...done, requests }))
} catch (error) {
  console.log(JSON.stringify({ error: String(error), requests }))
}

// Uppy 6, ready to be driven from outside: window.six and window.xhr, with a plugin's options.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import XHRUpload from '@uppy/xhr-upload'
import { drive } from '../drive.js'

window.six = (options) => drive(new Uppy().use(AwsS3, options))
window.xhr = (options) => drive(new Uppy().use(XHRUpload, options))

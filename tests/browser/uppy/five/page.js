// Uppy 5, ready to be driven from outside: window.five(options of @uppy/aws-s3).
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { drive } from '../drive.js'

window.five = (options) => drive(new Uppy().use(AwsS3, options))

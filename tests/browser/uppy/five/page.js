// Uppy 5, ready to be driven from outside: window.five(options of @uppy/aws-s3).
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import { drive, remembering } from '../drive.js'

window.five = (options) => drive(new Uppy().use(AwsS3, options))
window.fiveRemembering = (options) => remembering(new Uppy().use(AwsS3, options), GoldenRetriever)

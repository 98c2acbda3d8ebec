/** The options of the archive, shared by the service and by a rebuild. */
import { integer, optionalText } from '@linkfleet/runtime/config'

export const archiveOptions = {
  archiveUrl: optionalText('ARCHIVE_URL', {
    description:
      'Where applied clicks are archived: file:///folder, or s3://bucket/prefix?endpoint=URL&region=NAME. Empty: nowhere.',
  }),
  archiveKeyFile: optionalText('ARCHIVE_KEY_FILE', {
    description:
      'A file of keys of 32 bytes in hex or base64, one a line: the first encrypts the archive, all decrypt it. Empty: no encryption.',
  }),
  archiveAccessKeyId: optionalText('AWS_ACCESS_KEY_ID', {
    description: 'Who the archive is in its bucket.',
    secret: true,
  }),
  archiveSecretAccessKey: optionalText('AWS_SECRET_ACCESS_KEY', {
    description: 'The secret that goes with AWS_ACCESS_KEY_ID.',
    secret: true,
  }),
  archiveSessionToken: optionalText('AWS_SESSION_TOKEN', {
    description: 'The session that goes with AWS_ACCESS_KEY_ID, where it is of one.',
    secret: true,
  }),
  archiveSegmentBytes: integer('ARCHIVE_SEGMENT_BYTES', {
    description: 'How many bytes of records, before compression, make a segment at once. It bounds memory.',
    default: 16_777_216,
    minimum: 65_536,
    maximum: 67_108_864,
  }),
  archiveSegmentSeconds: integer('ARCHIVE_SEGMENT_SECONDS', {
    description: 'How long a batch waits for more before a segment is made all the same.',
    default: 300,
    minimum: 1,
    maximum: 86_400,
  }),
  archiveQueueBytesMax: integer('ARCHIVE_QUEUE_BYTES_MAX', {
    description:
      'How much may wait in Postgres while the archive is away. Beyond, clicks wait in Kafka and statistics stand still.',
    default: 4_294_967_296,
    minimum: 1_048_576,
    maximum: 1_099_511_627_776,
  }),
}

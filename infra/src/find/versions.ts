/** What is built when a machine has none of its own. Go modules are pinned exactly: `latest` moves. */
export const goPrograms = {
  'nats-server': { package: 'github.com/nats-io/nats-server/v2', version: 'v2.15.2' },
  minio: { package: 'github.com/minio/minio', version: 'v0.0.0-20260212201848-7aac2a2c5b7c' },
  mc: { package: 'github.com/minio/mc', version: 'v0.0.0-20250313080218-cf909e1063a9' },
  // For tests only: another object store than the one that is started here.
  versitygw: { package: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0' },
} as const

/** The MongoDB-compatible server of `infra/mongo-dev-server`; the same number stands in its pom.xml. */
export const mongoDevServerVersion = '1.47.0'

export const oldestUsable = {
  'nats-server': [2, 11],
  versitygw: [1, 8],
  mongod: [6, 0],
  java: [17, 0],
} as const

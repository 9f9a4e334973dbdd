import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainReport } from '@millrace/infra'
import { MongoClient } from 'mongodb'
import { findProgram } from '../../infra/src/find/find-programs.ts'
import { freePort } from './free-port.ts'
import { until } from './until.ts'

const name = 'rs'
const members = 3

export type ReplicaSet = Awaited<ReturnType<typeof startReplicaSet>>

/** Three mongods on loopback that elect a primary among them. */
export async function startReplicaSet() {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-replica-set-'))
  const { file } = await findProgram('mongod', { env: process.env, report: plainReport(process.stderr) })
  const ports = await Promise.all(Array.from({ length: members }, freePort))
  const processes = await Promise.all(ports.map((port) => startMember(file, folder, port)))
  const hosts = ports.map((port) => `127.0.0.1:${port}`)

  // A member that does not answer yet would be voted against.
  for (const host of hosts.slice(1)) {
    const other = new MongoClient(`mongodb://${host}/?directConnection=true`)
    await until(`${host} answers`, 60, () => other.db('admin').command({ ping: 1 }))
    await other.close()
  }
  const first = new MongoClient(`mongodb://${hosts[0]}/?directConnection=true`)
  await until(`${hosts[0]} answers`, 60, () => first.db('admin').command({ ping: 1 }))
  const configuration = {
    _id: name,
    // Elections within a second: the default of ten is for networks.
    settings: { electionTimeoutMillis: 1000, heartbeatIntervalMillis: 500 },
    members: hosts.map((host, _id) => ({ _id, host })),
  }
  await first.db('admin').command({ replSetInitiate: configuration })
  await first.close()

  const url = `mongodb://${hosts[0]}/millrace?replicaSet=${name}`
  const client = new MongoClient(`mongodb://${hosts.join(',')}/?replicaSet=${name}`)
  await until('a primary is elected', 60, () => client.db('admin').command({ ping: 1 }))
  const primary = async () => (await client.db('admin').command({ hello: 1 })).primary
  return {
    /** Names one member; drivers learn of the others from it. */
    url,
    primary,
    /** The primary steps down; returns when another member has taken over. */
    async stepDown(): Promise<void> {
      const before = await primary()
      const command = { replSetStepDown: 5, secondaryCatchUpPeriodSecs: 4 }
      await client
        .db('admin')
        .command(command)
        .catch(() => undefined) // the connection may end with it
      await until('another member is primary', 60, async () => {
        const now = await primary()
        return now !== undefined && now !== before
      })
    },
    async close() {
      await client.close()
      for (const one of processes) one.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function startMember(file: string, folder: string, port: number) {
  const data = join(folder, String(port))
  await mkdir(data)
  const parameters = [
    ...['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1', '--replSet', name, '--quiet'],
    ...['--oplogSize', '64', '--wiredTigerCacheSizeGB', '0.25', '--nounixsocket'],
  ]
  return spawn(file, parameters, { stdio: 'ignore' })
}

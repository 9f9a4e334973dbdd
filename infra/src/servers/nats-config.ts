export type NatsConfig = {
  host: string
  port: number
  storeDir: string
  passwords: { api: string; agent: string }
}

/**
 * All that an agent may do: pull and acknowledge work tokens, publish log lines, hear its commands and its own
 * replies. Whatever is not named is refused.
 */
export const agentPermissions = {
  publish: ['$JS.API.CONSUMER.INFO.WORK.*', '$JS.API.CONSUMER.MSG.NEXT.WORK.*', '$JS.ACK.WORK.>', 'log.>'],
  subscribe: ['agent.*.command', '_INBOX_agent.>'],
}

/** A configuration file of nats-server. Acknowledged messages are on the disk: `sync_interval: always`. */
export function natsConfig({ host, port, storeDir, passwords }: NatsConfig): string {
  return `listen: ${quoted(`${host}:${port}`)}
server_name: millrace
jetstream {
  store_dir: ${quoted(storeDir)}
  max_memory_store: 64MB
  max_file_store: 8GB
  sync_interval: always
}
authorization {
  users: [
    { user: api, password: ${quoted(passwords.api)} }
    { user: agent, password: ${quoted(passwords.agent)}, permissions: {
      publish: { allow: ${JSON.stringify(agentPermissions.publish)} }
      subscribe: { allow: ${JSON.stringify(agentPermissions.subscribe)} }
    } }
  ]
}
`
}

/** A backslash starts an escape in NATS's strings as in JSON's, so Windows paths come out right. */
const quoted = (text: string) => JSON.stringify(text)

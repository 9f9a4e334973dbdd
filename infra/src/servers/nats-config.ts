export type NatsConfig = {
  host: string
  port: number
  storeDir: string
  passwords: { api: string; agent: string }
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
${natsAccounts({ api: quoted(passwords.api), agent: quoted(passwords.agent) })}`
}

/**
 * The API and the agents have separate accounts. An agent may name any subject for the reply to its request, and the
 * server checks no permission there: in one account, the reply "no messages" to `$JS.API.STREAM.DELETE.LOGS` deletes
 * that stream. Across accounts a reply returns to the account of the request, where only other agents can receive it.
 */
export function natsAccounts(passwords: { api: string; agent: string }): string {
  const { publish, subscribe } = agentPermissions
  const list = (entries: string[]) => entries.map((entry) => `\n      ${entry}`).join('')
  return `accounts {
  MILLRACE: {
    jetstream: enabled
    users: [{ user: api, password: ${passwords.api} }]
    exports: [${list(exported())}
    ]
  }
  AGENTS: {
    users: [{ user: agent, password: ${passwords.agent}, permissions: {
      publish: { allow: ${JSON.stringify(publish)} }
      subscribe: { allow: ${JSON.stringify(subscribe)} }
    } }]
    imports: [${list(imported())}
    ]
  }
}
`
}

const pulls = '$JS.API.CONSUMER.MSG.NEXT.WORK.*'
const commands = 'agent.*.command'

/**
 * All permissions of an agent: pull and acknowledge work tokens, publish log lines, receive commands and replies. The
 * server rejects everything else.
 */
const agentPermissions = {
  publish: ['$JS.API.CONSUMER.INFO.WORK.*', pulls, '$JS.ACK.WORK.>', 'log.>'],
  subscribe: [commands, '_INBOX_agent.>'],
}

/**
 * The server gives an account without JetStream an import of `$JS.API.>`, unless the account has one of `$JS.API.INFO`.
 * The answer "JetStream not enabled" would race with the right one, so `$JS.API.INFO` maps to a subject without a
 * responder.
 */
const unanswered = 'unanswered'

const exported = () => [
  // A pull may get more than one answer.
  ...agentPermissions.publish.map(
    (subject) =>
      `{ service: ${quoted(subject)}, ${subject === pulls ? 'response_type: stream, ' : ''}accounts: [AGENTS] }`,
  ),
  `{ service: ${unanswered}, accounts: [AGENTS] }`,
  `{ stream: ${quoted(commands)}, accounts: [AGENTS] }`,
]

const imported = () => [
  ...agentPermissions.publish.map(
    (subject) => `{ service: { account: MILLRACE, subject: ${quoted(subject)} } }`,
  ),
  `{ service: { account: MILLRACE, subject: ${unanswered} }, to: "$JS.API.INFO" }`,
  `{ stream: { account: MILLRACE, subject: ${quoted(commands)} } }`,
]

/** A backslash starts an escape in NATS's strings as in JSON's, so Windows paths come out right. */
const quoted = (text: string) => JSON.stringify(text)

import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

/** Takes messages off the stream one by one, runs them in a warm Python, and reports the results over HTTP. */
const { NATS_URL = '', NATS_USER, NATS_PASSWORD, BARE_URL = '', PYTHON = '', MODULE = '' } = process.env
const nats = await connect({ servers: NATS_URL, user: NATS_USER, pass: NATS_PASSWORD })
const consumer = await jetstream(nats).consumers.get('PIPELINE', 'agent')
const folder = await mkdtemp(join(tmpdir(), 'millrace-bare-'))
const python = spawn(PYTHON, [join(MODULE, 'main.py'), '--mode', 'serve'], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]()
await lines.next()
const agent = new Agent({ keepAlive: true })
process.stdout.write('ready\n')

for (;;) {
  const messages = await consumer.fetch({ max_messages: 1, expires: 60_000 })
  for await (const message of messages) {
    const { id, inputs } = message.json<{ id: string; inputs: object }>()
    const input = join(folder, `${id}.json`)
    await writeFile(input, JSON.stringify({ inputs, output_dir: folder }))
    python.stdin.write(`${JSON.stringify({ type: 'run', id, input_file: input })}\n`)
    const { value } = await lines.next()
    await post(`${BARE_URL}/tasks/${id}/finish`, JSON.stringify(JSON.parse(String(value)).result.outputs))
    message.ack()
  }
}

function post(url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json' } },
      (got) => {
        got.resume()
        got.once('end', resolve)
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

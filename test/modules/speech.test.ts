import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fromOutput } from '@millrace/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { type Served, serve } from './served.ts'
import { shareOfWords } from './words.ts'
import { type Workshop, workshop } from './workshop.ts'
import { expectRefusals } from './wrong-files.ts'

const austen = resolve(import.meta.dirname, '../../modules/speech-to-text/austen-0880.wav')
const austenSaid = 'he was not an ill disposed young man'
const headerBytes = 44

let here: Workshop
let listener: Served
beforeAll(async () => {
  here = await workshop(['text-to-speech', 'speech-to-text'])
  listener = await serve(here, 'speech-to-text')
})
afterAll(async () => {
  await listener?.end()
  await here?.close()
})

describe('speech-to-text', () => {
  test('hears at least half of the words of a sample, each at its time', async () => {
    const { code, outputs } = await here.run('speech-to-text', { speech: austen })
    expect(code).toBe(0)
    expect(shareOfWords(austenSaid, String(outputs.text))).toBeGreaterThanOrEqual(0.5)
    const last = { word: 'man', start: expect.closeTo(2.33, 0), end: expect.closeTo(2.74, 0) }
    expect(outputs.words).toContainEqual(last)
    expect(outputs.words).toHaveLength(String(outputs.text).split(' ').length)
  })

  test.each([
    { rate: 16_000, channels: 1, bytes: 1 },
    { rate: 32_000, channels: 2, bytes: 2 },
    { rate: 48_000, channels: 1, bytes: 3 },
  ])('understands $rate Hz with $channels channels of $bytes bytes', async (format) => {
    const speech = join(here.folder, `${format.rate}.wav`)
    await writeFile(speech, recoded((await readFile(austen)).subarray(headerBytes), format))
    const heard = await listener.run({ speech })
    if (heard.type !== 'done') throw new Error(JSON.stringify(heard))
    expect(shareOfWords(austenSaid, String(heard.result.outputs.text))).toBeGreaterThanOrEqual(0.5)
  })

  test.each<[string, (samples: Buffer) => Buffer]>([
    [
      '24 bits in an extensible header',
      (samples) => extensible(recoded(samples, { rate: 48_000, channels: 2, bytes: 3 })),
    ],
    ['96,000 Hz', (samples) => recoded(samples, { rate: 96_000, channels: 1, bytes: 2 })],
    ['32 bits', (samples) => recoded(samples, { rate: 16_000, channels: 1, bytes: 4 })],
    ['a length of 0, as of a stream', (samples) => ofLength(recoded(samples, usual), 0)],
    ['an endless length, as of another', (samples) => ofLength(recoded(samples, usual), 0xffffffff)],
  ])('understands %s', async (name, written) => {
    const speech = join(here.folder, `${name}.wav`)
    await writeFile(speech, written((await readFile(austen)).subarray(headerBytes)))
    const heard = await listener.run({ speech })
    if (heard.type !== 'done') throw new Error(JSON.stringify(heard))
    expect(shareOfWords(austenSaid, String(heard.result.outputs.text))).toBeGreaterThanOrEqual(0.5)
  })

  test('hears what is said last, without a pause after it', async () => {
    const speech = join(here.folder, 'abrupt.wav')
    // A whole number of the 30 ms that the model's segmenter reads at once.
    const samples = (await readFile(austen)).subarray(headerBytes, headerBytes + 92 * 960)
    await writeFile(speech, recoded(samples, { rate: 16_000, channels: 1, bytes: 2 }))
    const outputs = { text: expect.stringMatching(/young man$/) }
    expect(await listener.run({ speech })).toMatchObject({ type: 'done', result: { outputs } })
  })

  test('hears nothing in silence', async () => {
    const speech = join(here.folder, 'silence.wav')
    await writeFile(speech, recoded(Buffer.alloc(32_000), { rate: 16_000, channels: 1, bytes: 2 }))
    const outputs = { text: '', words: [] }
    expect(await listener.run({ speech })).toMatchObject({ type: 'done', result: { outputs } })
  })

  test('refuses what is no sound', () =>
    expectRefusals(here.folder, 'wav', (speech) => listener.run({ speech })))
})

describe('text-to-speech', () => {
  const spoken = async (inputs: { text: string; voice?: string; words_per_minute?: number }) => {
    const { code, outputs } = await here.run('text-to-speech', inputs)
    expect(code).toBe(0)
    const file = await here.python('text-to-speech', readWave, String(outputs.speech))
    return { outputs, file }
  }

  test('writes a wave file of the rate and length that it reports', async () => {
    const { outputs, file } = await spoken({
      text: 'The river turns the wheel, and the wheel turns the stone.',
    })
    expect(outputs).toMatchObject({ sample_rate: 22_050, seconds: expect.closeTo(3, 0) })
    expect(file).toEqual({
      channels: 1,
      bytes: 2,
      rate: 22_050,
      seconds: expect.closeTo(Number(outputs.seconds), 3),
      loudest: expect.closeTo(20_000, -4.4),
    })
  })

  test('speaks slower and in another language when asked to', async () => {
    const text = 'Guten Morgen, heute mahlt die Mühle.'
    const slow = await spoken({ text, voice: 'de', words_per_minute: 100 })
    const fast = await spoken({ text, voice: 'de', words_per_minute: 250 })
    expect(Number(slow.outputs.seconds) / Number(fast.outputs.seconds)).toBeCloseTo(2.3, 0)
    const english = await spoken({ text, voice: 'en-us', words_per_minute: 100 })
    expect(english.outputs.seconds).not.toBe(slow.outputs.seconds)
  })

  test.each([
    [{ text: 'Hello.', voice: 'alto' }, 'unknown voice alto'],
    [{ text: ' \n' }, 'the text is empty'],
  ])('refuses %j', async (inputs, message) => {
    const error = { type: 'InvalidInput', message, retry_possible: false }
    expect(await here.run('text-to-speech', inputs)).toMatchObject({ code: 2, error })
  })
})

const sentences = [
  'The weather is very nice today and we are going to the beach.',
  'She opened the window and looked at the garden.',
  'My brother works in a large hospital near the river.',
  'Please send me the report before the end of the week.',
  'The children were playing football in the park.',
  'He bought a new car and drove it to the city.',
  'Many books lie on the table in the kitchen.',
  'We had dinner with our friends on Saturday evening.',
  'The train will leave the station in ten minutes.',
  'I would like to have a cup of coffee with milk.',
]

test('what one module speaks, the other understands, two words of five at least', async () => {
  const shares = sentences.map(async (text) => {
    const spoken = await here.client.createTask({ module: 'text-to-speech', inputs: { text } })
    const inputs = { speech: fromOutput(spoken.id, 'speech') }
    const { id } = await here.client.createTask({ module: 'speech-to-text', inputs })
    const heard = await until('it has ended', 110, async () => {
      const now = await here.client.task(id, 10)
      return now.finishedAt !== null && now
    })
    expect(heard).toMatchObject({ status: 'succeeded', error: null })
    return shareOfWords(text, String(heard.result?.text))
  })
  const all = await Promise.all(shares)
  expect(all.reduce((sum, share) => sum + share, 0) / all.length).toBeGreaterThanOrEqual(0.4)
}, 120_000)

const readWave = `
import array, json, sys, wave
with wave.open(sys.argv[1]) as file:
    samples = array.array("h", file.readframes(file.getnframes()))
    print(json.dumps({
        "channels": file.getnchannels(), "bytes": file.getsampwidth(), "rate": file.getframerate(),
        "seconds": len(samples) / file.getframerate(), "loudest": max(map(abs, samples)),
    }))
`

type Format = { rate: number; channels: number; bytes: number }
const usual: Format = { rate: 16_000, channels: 1, bytes: 2 }

/** The same sound behind the longer header that is prescribed for more than 16 bits. */
function extensible(wave: Buffer): Buffer {
  const format = Buffer.alloc(24)
  format.writeUInt16LE(22, 0)
  format.writeUInt16LE(wave.readUInt16LE(34), 2)
  format.writeUInt32LE(3, 4)
  format.write('0100000000001000800000aa00389b71', 8, 'hex') // PCM
  const head = Buffer.from(wave.subarray(0, 36))
  head.writeUInt32LE(wave.readUInt32LE(4) + 24, 4)
  head.writeUInt32LE(40, 16)
  head.writeUInt16LE(0xfffe, 20)
  return Buffer.concat([head, format, wave.subarray(36)])
}

/** As it is written by a program that cannot go back to the header in the end. */
function ofLength(wave: Buffer, length: number): Buffer {
  wave.writeUInt32LE(length, 4)
  wave.writeUInt32LE(length, 40)
  return wave
}

/** A wave file of samples at 16 kHz: each is repeated up to the wanted rate, and written to every channel. */
function recoded(samples: Buffer, { rate, channels, bytes }: Format): Buffer {
  const repeats = (rate / 16_000) * channels
  const data = Buffer.alloc((samples.length / 2) * repeats * bytes)
  for (let at = 0; at < data.length / bytes; at++) {
    const value = samples.readInt16LE(Math.floor(at / repeats) * 2)
    if (bytes === 1) data.writeUInt8((value >> 8) + 128, at)
    else data.writeIntLE(value << (8 * bytes - 16), at * bytes, bytes)
  }
  const header = Buffer.alloc(headerBytes)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(headerBytes - 8 + data.length, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20) // PCM
  header.writeUInt16LE(channels, 22)
  header.writeUInt32LE(rate, 24)
  header.writeUInt32LE(rate * channels * bytes, 28)
  header.writeUInt16LE(channels * bytes, 32)
  header.writeUInt16LE(bytes * 8, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(data.length, 40)
  return Buffer.concat([header, data])
}

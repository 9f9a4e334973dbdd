import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import { newSecret, signedHeaders } from './signing.ts'

/** Examples that Svix publishes with the specification, to verify a signature by hand. */
test.each([
  {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    seconds: 1_614_265_330,
    body: '{"test": 2432232314}',
    signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  {
    secret: 'whsec_plJ3nmyCDGBKInavdOK15jsl',
    id: 'msg_loFOjxBNrRLzqYUf',
    seconds: 1_731_705_121,
    body: '{"event_type":"ping","data":{"success":true}}',
    signature: 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=',
  },
])('$id has the published signature', ({ secret, id, seconds, body, signature }) => {
  expect(signedHeaders(secret, id, new Date(seconds * 1000), body)).toMatchObject({
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signature,
  })
})

test('a new secret has 24 to 64 bytes, as the specification requires', () => {
  const secret = newSecret()
  expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32)
  const headers = signedHeaders(secret, 'a', new Date(), '{"ü":"💧"}')
  expect(new Webhook(secret).verify('{"ü":"💧"}', headers)).toEqual({ ü: '💧' })
  expect(() => new Webhook(newSecret()).verify('{"ü":"💧"}', headers)).toThrow()
})

/** Why a webhook was not accepted: a closed list, so that it can be counted. */

export const refusalReasons = {
  not_accepted: 'the connector takes no webhooks, or not by this method',
  missing_signature: 'no rule applies, or the signature is missing or empty',
  malformed_signature: 'what stands in the signature\'s place is none',
  duplicate_header: 'the signature\'s header came more than once',
  weak_signature: 'only a weaker signature is there, and nobody has opted in to it',
  missing_part: 'something that is signed is not in the request, or cannot be read',
  missing_secret: 'no secret to check against is stored',
  wrong_signature: 'the signature does not belong to these bytes and this secret',
  missing_time: 'the time of sending is missing or cannot be read',
  too_old: 'it was sent too long ago',
  in_future: 'it claims to be sent later than now',
  wrong_value: 'a value that must be equal is missing or differs',
  wrong_token: 'the token is malformed, expired, or of another issuer, audience or algorithm',
  unknown_key: 'the key is not one of the vendor\'s, or its address is not allowed',
  key_unavailable: 'the vendor\'s key could not be fetched; that is no fault of the request',
  too_many_keys: 'more keys that nobody knows were named at this address than the vendor is asked for in a minute',
} as const;
export type RefusalReason = keyof typeof refusalReasons;

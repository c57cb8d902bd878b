/** The API for the master keys that seal credentials: which there are, what is sealed with them, how far a rotation is. Never the keys themselves. */
import Type from 'typebox';

const when = Type.String({ format: 'date-time' });
const keyId = Type.String({ description: 'Fingerprint of a master key: tells nothing about it.' });

export const VaultKeyState = Type.Enum(['standby', 'in_use', 'retiring', 'retired'], {
  description: 'standby: known to a node, seals nothing yet. retiring: still needed to open records. retired: can be dropped from the configuration.',
});

export const VaultKey = Type.Object({
  id: keyId,
  state: VaultKeyState,
  in_use: Type.Boolean({ description: 'Seals what is written now.' }),
  records: Type.Integer({ description: 'Records sealed with it.' }),
  created_at: when,
  promoted_at: Type.Union([when, Type.Null()]),
  retired_at: Type.Union([when, Type.Null()]),
});
export type VaultKey = Type.Static<typeof VaultKey>;

export const VaultNode = Type.Object({
  id: Type.String(),
  master_key: Type.String({ description: 'The key it was given to seal with.' }),
  keys: Type.Array(keyId, { description: 'Every key it knows.' }),
  sealing_with: keyId,
  seen_at: when,
});
export type VaultNode = Type.Static<typeof VaultNode>;

export const VaultProgress = Type.Object({
  to: keyId,
  total: Type.Integer({ description: 'Records that stood under other keys when the rotation began.' }),
  done: Type.Integer(),
  remaining: Type.Integer(),
  unreadable: Type.Integer({ description: 'Records that cannot be opened; the log names them, and their key is not retired.' }),
  started_at: when,
  finished_at: Type.Union([when, Type.Null()], { description: 'When the last old key was retired.' }),
});
export type VaultProgress = Type.Static<typeof VaultProgress>;

export const VaultStatus = Type.Object({
  keys: Type.Array(VaultKey),
  nodes: Type.Array(VaultNode, { description: 'Nodes seen within the last minute.' }),
  progress: Type.Union([VaultProgress, Type.Null()], { description: 'Of the latest rotation; null before the first.' }),
  next_step: Type.String({ description: 'What there is to do now, for people.' }),
});
export type VaultStatus = Type.Static<typeof VaultStatus>;

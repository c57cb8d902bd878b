/** A workspace's channels, members and messages. */
import { castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const teams = Array.from({ length: 10 }, (_, n) => ({ id: `T0SANDBOX${String(n + 1).padStart(2, '0')}`, name: `Sandbox workspace ${n + 1}` })) as [Team, ...Team[]];
export interface Team {
  readonly id: string;
  readonly name: string;
}
export const botUser = 'U0EVENBOT';
export interface Workspace {
  readonly channels: Table;
  readonly users: Table;
  /** Keyed by "channel:ts". */
  readonly messages: Table;
  newTs(now: number): string;
  nextChannelId(): string;
}

export function channelRecord(id: string, name: string, creator: string, createdMs: number): JsonObject {
  return {
    id, name, name_normalized: name, is_channel: true, is_group: false, is_im: false, is_mpim: false, is_private: false, is_archived: false, is_general: name === 'general', is_shared: false, is_member: true,
    created: Math.floor(createdMs / 1000), updated: createdMs, creator, unlinked: 0, num_members: 12, previous_names: [],
    topic: { value: '', creator: '', last_set: 0 }, purpose: { value: `Über ${name}`, creator, last_set: Math.floor(createdMs / 1000) },
  };
}

export function createWorkspace(team: string, random: Random, changed: (change: Change) => void): Workspace {
  const channels = createTable(team, 'channels', changed);
  const users = createTable(team, 'users', changed);
  const messages = createTable(team, 'messages', changed);
  let lastMicros = 0;
  const newTs = (now: number): string => {
    lastMicros = Math.max(lastMicros + 1, now * 1000);
    return `${Math.floor(lastMicros / 1_000_000)}.${String(lastMicros % 1_000_000).padStart(6, '0')}`;
  };
  users.seed(botUser, { id: botUser, team_id: team, name: 'evenkeel', deleted: false, real_name: 'Evenkeel', is_bot: true, profile: { real_name: 'Evenkeel', display_name: '', email: null, bot_id: 'B0EVENBOT' }, updated: 1_735_689_600 });
  const ids = castPeople(random, 255, 0).map((person, n) => {
    const id = `U0${(100_000 + n).toString(36).toUpperCase().padStart(7, '0')}`;
    const real = [person.first, person.last].filter(Boolean).join(' ');
    users.seed(id, { id, team_id: team, name: `user${n}`, deleted: n % 41 === 40, color: '9f69e7', real_name: real, tz: 'Europe/Oslo', tz_label: 'Central European Time', tz_offset: 3600, is_admin: n < 3, is_owner: n === 0, is_bot: false, is_restricted: n % 19 === 18, updated: Math.floor(person.updatedAt / 1000), profile: { real_name: real, display_name: person.first, title: person.title ?? '', phone: person.phone ?? '', email: person.email, first_name: person.first, last_name: person.last ?? '', status_text: n % 11 === 0 ? '🌴 ferie' : '' } });
    return id;
  });
  const member = (): string => ids[random.between(0, ids.length - 1)] ?? botUser;
  const names = ['general', 'random', 'größe', 'soporte', '開発', 'incidents'];
  let channelNumber = 0;
  const nextChannelId = (): string => {
    channelNumber += 1;
    return `C0${(500_000 + channelNumber).toString(36).toUpperCase().padStart(7, '0')}`;
  };
  for (let n = 0; n < 64; n += 1) {
    const id = nextChannelId();
    channels.seed(id, { ...channelRecord(id, names[n] ?? `project-${n}`, member(), seedStartMs + n * 3_600_000), is_archived: n % 23 === 22 });
    for (let m = 0; m < (n === 0 ? 130 : 4); m += 1) {
      const ts = newTs(seedStartMs + n * 86_400_000 + m * 61_000);
      messages.seed(`${id}:${ts}`, { type: 'message', channel: id, user: member(), text: m % 9 === 0 ? 'Grüße 👋 <https://example.com|link>' : `Message ${m}`, ts, team });
    }
  }
  return { channels, users, messages, newTs, nextChannelId };
}

/** Seeded people and companies that every vendor's data is made from: unicode, nulls, odd phones, shared addresses. */
import type { Random } from './random.ts';

export interface Company {
  readonly name: string;
  readonly domain: string | null;
  readonly city: string;
  readonly country: string;
  readonly industry: string;
  readonly employees: number | null;
}
export interface Person {
  readonly first: string;
  readonly last: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly title: string | null;
  /** Index into the companies, or null. */
  readonly company: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const firsts = ['Ada', 'Björn', 'Chloé', 'Dmitri', 'Élodie', 'Fatima', 'Grace', 'Håkon', 'Ines', 'Jürgen', 'Kwame', 'Łucja', 'Mei', 'Nguyễn', 'Óscar', 'Priya', 'Quentin', 'Renée', 'Søren', 'Tomás', 'Ulrike', 'Valentina', 'Wanjiru', 'Xiu', 'Yūki', 'Zoë', '美咲', 'Ольга', 'محمد', 'Anne-Marie'] as const;
const lasts = ['Okafor', 'Müller', "O'Brien", 'García Márquez', 'Nakamura', 'Sørensen', 'Kowalczyk', 'Dupont', 'Ivanova', 'van der Berg', 'Þórsdóttir', 'Nguyễn', 'Silva', 'Haddad', 'Lindqvist', 'Çelik', 'Fernández-Ruiz', 'Smith', 'Jones', '佐藤', 'Петрова', 'de la Cruz', 'MacLeod', 'Ødegård'] as const;
const roots = ['Northwind', 'Blåfjell', 'Kestrel', 'Halcyon', 'Río Verde', 'Lumen', 'Tidewater', 'Zenith', 'Ostwind', 'Café Noir', 'Juniper', 'Meridian', 'Quarry', 'Saffron', 'Umbra', 'Vela', 'Wexford', 'Yonder', 'Ærø', 'Basalt'] as const;
const suffixes = ['GmbH', 'Ltd', 'Inc.', 'S.A.', 'AB', 'K.K.', 'LLC', '& Sons', 'B.V.', 'Oy'] as const;
const places = [['Berlin', 'Germany'], ['São Paulo', 'Brazil'], ['Oslo', 'Norway'], ['Nairobi', 'Kenya'], ['Osaka', 'Japan'], ['Zürich', 'Switzerland'], ['Austin', 'United States'], ['Łódź', 'Poland'], ['Montréal', 'Canada'], ['Lisbon', 'Portugal']] as const;
const industries = ['Software', 'Logistics', 'Retail', 'Manufacturing', 'Healthcare', 'Energy', 'Education'] as const;
const titles = ['Head of Operations', 'Engineer', 'Buyer', 'Geschäftsführerin', 'CFO', 'Support Lead', 'Directeur commercial', 'Analyst'] as const;

/** 2025-01-01T00:00:00Z: the seeded past begins here, so that ids and times are the same on every run. */
export const seedStartMs = Date.UTC(2025, 0, 1);
const dayMs = 86_400_000;

const plain = (text: string): string => text.normalize('NFKD').replace(/[^\x20-\x7e]/g, '').replace(/[^a-zA-Z0-9]+/g, '-').replace(/^-+|-+$/g, '').toLowerCase();

export function castCompanies(random: Random, count: number): Company[] {
  return Array.from({ length: count }, (_, index) => {
    const root = roots[index % roots.length] ?? 'Northwind';
    const name = `${root}${index < roots.length ? '' : ` ${Math.floor(index / roots.length) + 1}`} ${random.pick(suffixes)}`;
    const [city, country] = random.pick(places);
    return {
      name,
      domain: index % 17 === 16 ? null : `${plain(root) || 'company'}${index}.example`,
      city,
      country,
      industry: random.pick(industries),
      employees: random.chance(0.1) ? null : random.between(3, 12_000),
    };
  });
}

function oddPhone(random: Random): string | null {
  const digits = String(random.between(1_000_000, 9_999_999));
  return random.pick([`+49 30 ${digits}`, `(512) ${digits.slice(0, 3)}-${digits.slice(3)}`, digits, `+44 (0)20 ${digits} ext. 12`, `00${digits}99`, '', 'n/a', `+81-3-${digits}`, null] as const);
}

export function castPeople(random: Random, count: number, companies: number): Person[] {
  return Array.from({ length: count }, (_, index) => {
    const first = random.pick(firsts);
    const last = random.chance(0.03) ? null : random.pick(lasts);
    const createdAt = seedStartMs + random.between(0, 500) * dayMs + random.between(0, dayMs - 1);
    return {
      first,
      last,
      email: random.chance(0.06) ? null : `${[plain(first), plain(last ?? '')].filter(Boolean).join('.') || 'person'}.${index}@mail${index % 7}.example`,
      phone: oddPhone(random),
      title: random.chance(0.2) ? null : random.pick(titles),
      company: random.chance(0.15) || companies === 0 ? null : random.between(0, companies - 1),
      createdAt,
      updatedAt: createdAt + random.between(0, 60) * dayMs,
    };
  });
}

export interface Deal {
  readonly name: string;
  readonly amount: number | null;
  /** 0 (new) to 5 (won), 6 lost. */
  readonly stage: number;
  readonly closeAt: number | null;
  readonly company: number;
  readonly person: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}
const wares = ['Renewal', 'Pilot', 'Expansion', 'Größeres Paket', 'Onboarding', 'Abonnement'] as const;

export function castDeals(random: Random, count: number, companies: readonly Company[], people: number): Deal[] {
  return Array.from({ length: count }, () => {
    const company = random.between(0, companies.length - 1);
    const createdAt = seedStartMs + random.between(0, 500) * dayMs;
    return {
      name: `${companies[company]?.name ?? 'Deal'} – ${random.pick(wares)}`,
      amount: random.chance(0.1) ? null : random.between(500, 250_000) + (random.chance(0.3) ? 0.5 : 0),
      stage: random.between(0, 6),
      closeAt: random.chance(0.15) ? null : createdAt + random.between(10, 200) * dayMs,
      company,
      person: random.between(0, people - 1),
      createdAt,
      updatedAt: createdAt + random.between(0, 40) * dayMs,
    };
  });
}

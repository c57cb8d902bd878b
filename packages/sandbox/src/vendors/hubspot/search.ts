/** POST /crm/v3/objects/{type}/search: filter groups are OR-ed, filters within a group AND-ed. */
import { json, type Call, type Reply, bodyObject } from '../../exchange.ts';
import { asArray, asObject, asText, type Json, type JsonObject } from '../../json.ts';
import { validation } from './errors.ts';

const comparable = (value: Json | undefined): number | string => {
  const text = asText(value);
  if (text !== '' && Number.isFinite(Number(text))) return Number(text);
  const time = Date.parse(text);
  return Number.isNaN(time) ? text.toLowerCase() : time;
};

function holds(filter: JsonObject, properties: JsonObject): boolean | null {
  const value = properties[asText(filter['propertyName'])];
  const present = value !== undefined && value !== null && value !== '';
  const wanted = filter['value'];
  switch (filter['operator']) {
    case 'EQ': return present && comparable(value) === comparable(wanted);
    case 'NEQ': return !present || comparable(value) !== comparable(wanted);
    case 'LT': return present && comparable(value) < comparable(wanted);
    case 'LTE': return present && comparable(value) <= comparable(wanted);
    case 'GT': return present && comparable(value) > comparable(wanted);
    case 'GTE': return present && comparable(value) >= comparable(wanted);
    case 'BETWEEN': return present && comparable(value) >= comparable(wanted) && comparable(value) <= comparable(filter['highValue']);
    case 'IN': return present && asArray(filter['values']).some((one) => comparable(one) === comparable(value));
    case 'NOT_IN': return !asArray(filter['values']).some((one) => comparable(one) === comparable(value));
    case 'HAS_PROPERTY': return present;
    case 'NOT_HAS_PROPERTY': return !present;
    case 'CONTAINS_TOKEN': return present && asText(value).toLowerCase().includes(asText(wanted).toLowerCase().replaceAll('*', ''));
    case 'NOT_CONTAINS_TOKEN': return !present || !asText(value).toLowerCase().includes(asText(wanted).toLowerCase().replaceAll('*', ''));
    default: return null;
  }
}

/** `shape` trims a record to the requested properties. Pages of up to 200, 10,000 results in all. */
export function search(call: Call, records: readonly JsonObject[], shape: (record: JsonObject, properties: readonly string[]) => JsonObject): Reply {
  const body = bodyObject(call);
  if (body === null) return validation('Invalid input JSON on line 1, column 1: request body must be an object.');
  const limit = typeof body['limit'] === 'number' ? body['limit'] : 10;
  if (limit < 1 || limit > 200) return validation('The limit must be between 1 and 200.');
  const after = Number(asText(body['after']) || '0');
  if (!Number.isInteger(after) || after < 0 || after >= 10_000) return validation('The after parameter must be a number below 10000.');
  const groups = asArray(body['filterGroups']).map((group) => asArray(asObject(group)?.['filters']).map((filter) => asObject(filter) ?? {}));
  if (groups.flat().some((filter) => holds(filter, {}) === null)) return validation('Invalid operator in filter; one of the known operators is expected.');
  const query = asText(body['query']).toLowerCase();
  let found = records.filter((record) => {
    const properties = asObject(record['properties']) ?? {};
    if (query !== '' && !Object.values(properties).some((value) => asText(value).toLowerCase().includes(query))) return false;
    return groups.length === 0 || groups.some((filters) => filters.every((filter) => holds(filter, properties) === true));
  });
  const sort = asArray(body['sorts'])[0];
  const sortProperty = asText(asObject(sort)?.['propertyName'] ?? sort);
  if (sortProperty !== '') {
    const sign = asObject(sort)?.['direction'] === 'DESCENDING' ? -1 : 1;
    const valueOf = (record: JsonObject): number | string => comparable(asObject(record['properties'])?.[sortProperty]);
    found = found.toSorted((a, b) => (valueOf(a) < valueOf(b) ? -sign : valueOf(a) > valueOf(b) ? sign : 0));
  }
  const page = found.slice(after, after + limit).map((record) => shape(record, asArray(body['properties']).map(asText)));
  const next = after + limit < found.length ? { paging: { next: { after: String(after + limit) } } } : {};
  return json(200, { total: found.length, results: page, ...next });
}

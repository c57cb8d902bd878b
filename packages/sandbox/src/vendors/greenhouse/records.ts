/** Harvest reads with Link header paging, and writes, which all want On-Behalf-Of. */
import { bodyObject, empty, json, realUrl, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, readInteger, type JsonObject } from '../../json.ts';
import { applicationRecord, candidateRecord, harvestTime, jobRecord, stages, userRef, type Organisation, type Resource } from './data.ts';
import { greenhouseError, invalid, notFound } from './errors.ts';

export function list(call: Call, resource: Resource, data: Organisation): Reply {
  const perPage = readInteger(call.query.get('per_page'), 100, 0, 1_000_000);
  if (perPage < 1 || perPage > 500) return invalid('Must be between 1 and 500', 'per_page');
  const page = readInteger(call.query.get('page'), 1, 1, 1_000_000);
  const [createdAfter, createdBefore, updatedAfter, updatedBefore, jobId, status, email] = ['created_after', 'created_before', 'updated_after', 'updated_before', 'job_id', 'status', 'email'].map((name) => call.query.get(name));
  const time = (row: JsonObject, names: readonly string[]): string => asText(names.map((name) => row[name]).find((value) => typeof value === 'string'));
  const rows = data.tables[resource].all().filter((row) => {
    const created = time(row, ['created_at', 'applied_at']);
    const updated = time(row, ['updated_at', 'last_activity_at']);
    if ((createdAfter && created < createdAfter) || (createdBefore && created >= createdBefore) || (updatedAfter && updated < updatedAfter) || (updatedBefore && updated >= updatedBefore)) return false;
    if (status && row['status'] !== status) return false;
    if (email && !JSON.stringify(row['email_addresses'] ?? row['emails'] ?? '').includes(JSON.stringify(email))) return false;
    const jobs = resource === 'candidates' ? asArray(row['applications']).flatMap((one) => asArray(asObject(one)?.['jobs'])) : asArray(row['jobs']);
    return !jobId || jobs.some((job) => asText(asObject(job)?.['id']) === jobId);
  });
  const last = Math.max(1, Math.ceil(rows.length / perPage));
  const link = (number: number, rel: string): string => {
    const query = new URLSearchParams(call.query);
    query.set('page', String(number));
    query.set('per_page', String(perPage));
    return `<${realUrl(call, `${call.path}?${query}`)}>; rel="${rel}"`;
  };
  const links = [...(page < last ? [link(page + 1, 'next')] : []), ...(page > 1 ? [link(page - 1, 'prev')] : []), ...(page < last && call.query.get('skip_count') !== 'true' ? [link(last, 'last')] : [])];
  return json(200, rows.slice((page - 1) * perPage, page * perPage), links.length === 0 ? {} : { link: links.join(',') });
}

export function read(call: Call, resource: Resource, data: Organisation): Reply {
  const row = data.tables[resource].get(call.params['id'] ?? '');
  return row === undefined ? notFound() : json(200, row);
}

function emailFault(body: JsonObject): Reply | null {
  const bad = asArray(body['email_addresses']).find((entry) => !/^\S+@\S+\.\S+$/.test(asText(asObject(entry)?.['value'])));
  return bad === undefined ? null : invalid('Must be a valid email address.', 'email_addresses');
}

/** A candidate is born with an application for each job named. */
export function createCandidate(call: Call, data: Organisation, now: number): Reply {
  const body = bodyObject(call);
  if (body === null) return greenhouseError(400, 'Request body must be valid JSON');
  for (const field of ['first_name', 'last_name']) if (asText(body[field]) === '') return invalid("can't be blank", field);
  const fault = emailFault(body);
  if (fault !== null) return fault;
  const id = data.nextId();
  const { applications: wanted, ...written } = body;
  const jobs = asArray(wanted).map((one) => data.tables.jobs.get(asText(asObject(one)?.['job_id'])));
  if (jobs.some((job) => job === undefined)) return invalid('Invalid job_id', 'applications');
  const applications = jobs.filter((job) => job !== undefined).map((job) => applicationRecord(data.nextId(), id, job, 0, now));
  for (const application of applications) data.tables.applications.insert(asText(application['id']), application);
  const candidate = candidateRecord(id, { ...written, application_ids: applications.map((one) => one['id'] ?? 0), applications }, now, now);
  data.tables.candidates.insert(String(id), candidate);
  return json(201, candidate);
}

const candidateFields = ['first_name', 'last_name', 'company', 'title', 'is_private', 'phone_numbers', 'addresses', 'email_addresses', 'website_addresses', 'social_media_addresses', 'tags', 'custom_fields', 'recruiter', 'coordinator'];
export function updateCandidate(call: Call, data: Organisation, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables.candidates.get(id);
  if (row === undefined) return notFound();
  const body = bodyObject(call);
  if (body === null) return greenhouseError(400, 'Request body must be valid JSON');
  const fault = emailFault(body);
  if (fault !== null) return fault;
  const picked = Object.fromEntries(Object.entries(body).filter(([name]) => candidateFields.includes(name)));
  const changed: JsonObject = { ...row, ...picked, updated_at: harvestTime(now), last_activity: harvestTime(now) };
  data.tables.candidates.replace(id, changed);
  return json(200, changed);
}

export function anonymize(call: Call, data: Organisation, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables.candidates.get(id);
  if (row === undefined) return notFound();
  const changed: JsonObject = { ...row, first_name: '(Anonymized)', last_name: '(Anonymized)', email_addresses: [], phone_numbers: [], updated_at: harvestTime(now) };
  data.tables.candidates.replace(id, changed);
  return json(200, changed);
}

export function note(call: Call, data: Organisation, now: number): Reply {
  if (data.tables.candidates.get(call.params['id'] ?? '') === undefined) return notFound();
  const body = bodyObject(call) ?? {};
  if (asText(body['body']) === '') return invalid("can't be blank", 'body');
  return json(201, { id: data.nextId(), created_at: harvestTime(now), body: asText(body['body']), user: userRef(3001), private: body['visibility'] === 'private', visibility: asText(body['visibility']) || 'admin_only' });
}

export function remove(call: Call, resource: Resource, data: Organisation): Reply {
  const id = call.params['id'] ?? '';
  if (!data.tables[resource].remove(id)) return notFound();
  return resource === 'applications' ? json(200, { message: `Application ${id} has been deleted` }) : resource === 'candidates' ? json(200, { message: `Candidate ${id} has been deleted` }) : empty(200);
}

export function createJob(call: Call, data: Organisation, now: number): Reply {
  const body = bodyObject(call) ?? {};
  const template = data.tables.jobs.get(asText(body['template_job_id']));
  if (template === undefined) return invalid('Invalid template_job_id', 'template_job_id');
  const openings = body['number_of_openings'];
  if (typeof openings !== 'number' || openings < 1) return invalid('number_of_openings must be greater than 0', 'number_of_openings');
  const id = data.nextId();
  const job = jobRecord(id, asText(body['job_name']) || asText(template['name']), openings, now);
  data.tables.jobs.insert(String(id), job);
  return json(201, job);
}
export function updateJob(call: Call, data: Organisation, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables.jobs.get(id);
  if (row === undefined) return notFound();
  const picked = Object.fromEntries(Object.entries(bodyObject(call) ?? {}).filter(([name]) => ['name', 'notes', 'requisition_id', 'custom_fields'].includes(name)));
  data.tables.jobs.replace(id, { ...row, ...picked, updated_at: harvestTime(now) });
  return json(200, { success: true });
}

export function createApplication(call: Call, data: Organisation, now: number): Reply {
  const candidate = data.tables.candidates.get(call.params['id'] ?? '');
  if (candidate === undefined) return notFound();
  const job = data.tables.jobs.get(asText(bodyObject(call)?.['job_id']));
  if (job === undefined) return invalid('Invalid job_id', 'job_id');
  const application = applicationRecord(data.nextId(), Number(candidate['id']), job, 0, now);
  data.tables.applications.insert(asText(application['id']), application);
  data.tables.candidates.seed(asText(candidate['id']), { ...candidate, application_ids: [...asArray(candidate['application_ids']), application['id'] ?? 0], applications: [...asArray(candidate['applications']), application] });
  return json(201, application);
}

/** advance, move, reject, unreject, hire and plain updates. */
export function changeApplication(call: Call, action: string, data: Organisation, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables.applications.get(id);
  if (row === undefined) return notFound();
  const body = bodyObject(call) ?? {};
  const at = stages.findIndex((stage) => stage.id === asObject(row['current_stage'])?.['id']);
  const from = body['from_stage_id'];
  if ((action === 'advance' || action === 'move') && from !== asObject(row['current_stage'])?.['id']) return invalid('from_stage_id does not match the current stage of the application', 'from_stage_id');
  if (action === 'advance' && stages[at + 1] === undefined) return invalid('The application is in the last stage', null);
  const target = action === 'move' ? stages.find((stage) => stage.id === body['to_stage_id']) : stages[at + 1];
  if (action === 'move' && target === undefined) return invalid('Invalid to_stage_id', 'to_stage_id');
  const changes: Record<string, JsonObject> = {
    advance: { current_stage: { ...(target ?? stages[0]) } },
    move: { current_stage: { ...(target ?? stages[0]) } },
    reject: { status: 'rejected', rejected_at: harvestTime(now), rejection_reason: { id: Number(body['rejection_reason_id'] ?? 14), name: 'Other', type: { id: 1, name: 'We rejected them' } } },
    unreject: { status: 'active', rejected_at: null, rejection_reason: null },
    hire: { status: 'hired' },
    update: Object.fromEntries(Object.entries(body).filter(([name]) => ['source_id', 'referrer', 'custom_fields'].includes(name))),
  };
  const changed: JsonObject = { ...row, ...changes[action], last_activity_at: harvestTime(now) };
  data.tables.applications.replace(id, changed);
  return action === 'reject' || action === 'unreject' ? json(200, { success: true }) : json(200, changed);
}

export function createInterview(call: Call, data: Organisation, now: number): Reply {
  const body = bodyObject(call) ?? {};
  const application = data.tables.applications.get(asText(body['application_id']));
  if (application === undefined) return invalid('Invalid application_id', 'application_id');
  if (body['start'] === undefined || body['end'] === undefined) return invalid('start and end are required', 'start');
  const id = data.nextId();
  const made: JsonObject = { id, application_id: application['id'] ?? null, external_event_id: body['external_event_id'] ?? null, start: body['start'], end: body['end'], location: body['location'] ?? null, video_conferencing_url: null, status: 'scheduled', created_at: harvestTime(now), updated_at: harvestTime(now), interview: { id: Number(body['interview_id'] ?? 95), name: 'Interview' }, organizer: userRef(3001), interviewers: asArray(body['interviewers']) };
  data.tables.scheduled_interviews.insert(String(id), made);
  return json(201, made);
}
export function updateInterview(call: Call, data: Organisation, now: number): Reply {
  const id = call.params['id'] ?? '';
  const row = data.tables.scheduled_interviews.get(id);
  if (row === undefined) return notFound();
  const picked = Object.fromEntries(Object.entries(bodyObject(call) ?? {}).filter(([name]) => ['start', 'end', 'location', 'interviewers', 'external_event_id', 'video_conferencing_url'].includes(name)));
  const changed: JsonObject = { ...row, ...picked, updated_at: harvestTime(now) };
  data.tables.scheduled_interviews.replace(id, changed);
  return json(200, changed);
}

-- 128 bits tell keys apart as well as 256. Keys are random, so that each writes to another page of a large index, and
-- after each checkpoint that page to the log as a whole: half as many pages are half as much of both.
alter table inbound_event_keys alter column key type uuid using encode(substring(key for 16), 'hex')::uuid;

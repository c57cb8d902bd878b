-- Events of one request have its received_at, with which the primary key begins: no index of its own is worth its upkeep.
drop index inbound_events_by_request;

-- What is told of held pushes. An event is written in the transaction of the deed that it tells of; then it is taken apart
-- into notices, one for each receiver. Times are milliseconds since 1970 in UTC. Portable between SQLite and PostgreSQL.

CREATE TABLE outbox_event (
    review_case TEXT   NOT NULL,
    -- Of the case after the deed: counts up, so it is the order in which to tell.
    revision    BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    -- JSON.
    facts       TEXT   NOT NULL,
    PRIMARY KEY (review_case, revision)
);

CREATE TABLE outbox_notice (
    id          TEXT   NOT NULL PRIMARY KEY,
    review_case TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    facts       TEXT   NOT NULL,
    channel     TEXT   NOT NULL,
    -- The name of a webhook, an address of the configuration, or the id of a person.
    receiver    TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    -- How often it was tried, and since when.
    attempts    BIGINT NOT NULL,
    begun       BIGINT NOT NULL,
    -- Not before this.
    due         BIGINT NOT NULL,
    ended       BIGINT,
    -- What went wrong the last time.
    trouble     TEXT
);

-- An event is told to a receiver once.
CREATE UNIQUE INDEX outbox_notice_once ON outbox_notice (review_case, revision, channel, receiver);

CREATE INDEX outbox_notice_waiting ON outbox_notice (channel, receiver, review_case, revision)
    WHERE state = 'waiting';
CREATE INDEX outbox_notice_ended ON outbox_notice (state, ended);

-- Policies and rules that are kept here and not in files: in force by the word of two people. Times are milliseconds since 1970
-- in UTC. Portable between SQLite and PostgreSQL.

CREATE TABLE draft (
    id       TEXT   NOT NULL PRIMARY KEY,
    -- policy or rules.
    kind     TEXT   NOT NULL,
    title    TEXT   NOT NULL,
    -- TOML, and its hex SHA-256.
    body     TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    -- Digest of what was in force when it was proposed.
    base     TEXT   NOT NULL,
    -- Id of the person.
    author   TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    revision BIGINT NOT NULL,
    -- JSON: who did what, when and with which words.
    steps    TEXT   NOT NULL,
    created  BIGINT NOT NULL
);

CREATE INDEX draft_created ON draft (created, id);
CREATE INDEX draft_state ON draft (kind, state);

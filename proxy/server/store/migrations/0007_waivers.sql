-- What people have decided of findings, for all pushes to one repository. Times are milliseconds since 1970 in UTC.
-- Portable between SQLite and PostgreSQL.

CREATE TABLE waiver (
    id          TEXT   NOT NULL PRIMARY KEY,
    upstream    TEXT   NOT NULL,
    repository  TEXT   NOT NULL,
    -- The case and the finding of which it was made.
    review_case TEXT   NOT NULL,
    finding     TEXT   NOT NULL,
    rule        TEXT   NOT NULL,
    path        TEXT,
    judgement   TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    author      TEXT   NOT NULL,
    -- JSON: everything it covers.
    covers      TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    revoked     BIGINT,
    revoked_by  TEXT
);

CREATE INDEX waiver_place ON waiver (upstream, repository, created);

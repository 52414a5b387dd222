-- Held pushes. What stands in the columns is there to be asked for; what a case says of itself is JSON in `body`.
-- Times are milliseconds since 1970 in UTC. Portable between SQLite and PostgreSQL.

CREATE TABLE review_case (
    id                TEXT   NOT NULL PRIMARY KEY,
    revision          BIGINT NOT NULL,
    state             TEXT   NOT NULL,
    upstream          TEXT   NOT NULL,
    repository        TEXT   NOT NULL,
    -- What an approval of it is good for.
    binding           TEXT   NOT NULL,
    pusher_person     TEXT,
    pusher_account    TEXT,
    pusher_credential TEXT,
    needed            BIGINT NOT NULL,
    -- JSON lists.
    decisions         TEXT   NOT NULL,
    waived_by         TEXT   NOT NULL,
    created           BIGINT NOT NULL,
    expires           BIGINT NOT NULL,
    grant_expires     BIGINT,
    superseded_by     TEXT,
    -- With what it was judged.
    rules             TEXT   NOT NULL,
    policy            TEXT   NOT NULL,
    config            TEXT   NOT NULL,
    body              TEXT   NOT NULL
);

-- One push waits once.
CREATE UNIQUE INDEX review_case_live ON review_case (binding)
    WHERE state IN ('open', 'approved', 'forwarding');

CREATE INDEX review_case_state ON review_case (state, created);
CREATE INDEX review_case_target ON review_case (upstream, repository, created);

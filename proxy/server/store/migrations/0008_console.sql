-- What people say of held pushes besides deciding on them, and what the console has answered.
-- Times are milliseconds since 1970 in UTC. Portable between SQLite and PostgreSQL.

CREATE TABLE review_comment (
    id      TEXT   NOT NULL PRIMARY KEY,
    review  TEXT   NOT NULL,
    -- Id of the person.
    person  TEXT   NOT NULL,
    words   TEXT   NOT NULL,
    created BIGINT NOT NULL
);

CREATE INDEX review_comment_review ON review_comment (review, created, id);

-- Requests that came with a key of their own: what is asked twice is done once.
CREATE TABLE keyed_request (
    -- Hex SHA-256 over who asked and the key.
    hash    TEXT   NOT NULL PRIMARY KEY,
    asker   TEXT   NOT NULL,
    -- Hex SHA-256 over method, target and body.
    request TEXT   NOT NULL,
    -- 1 from the transaction on in which it was carried out.
    done    BIGINT NOT NULL,
    -- The answer, once there is one.
    status  BIGINT,
    body    TEXT,
    created BIGINT NOT NULL
);

CREATE INDEX keyed_request_created ON keyed_request (created);
CREATE INDEX keyed_request_asker ON keyed_request (asker, created);

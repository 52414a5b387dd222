-- Who has pushed where through this proxy: written when a push went. An empty person is somebody whom nobody knows. Times are
-- Unix milliseconds. Portable between SQLite and PostgreSQL.

CREATE TABLE pushed (
    upstream   TEXT   NOT NULL,
    -- In the form allow-lists compare.
    repository TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    first      BIGINT NOT NULL,
    PRIMARY KEY (upstream, repository, person)
);

CREATE INDEX pushed_person ON pushed (person);

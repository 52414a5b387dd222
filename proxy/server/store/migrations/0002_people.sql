-- Who there is. Ids are random texts of ours; times are Unix milliseconds; truth is 0 or 1. A salt keeps the digests in the
-- audit from being guessed, and goes with its row. Portable between SQLite and PostgreSQL.

CREATE TABLE person (
    id       TEXT   NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    salt     TEXT   NOT NULL,
    name     TEXT   NOT NULL UNIQUE,
    display  TEXT,
    disabled BIGINT NOT NULL,
    created  BIGINT NOT NULL
);

-- `comparable` has the domain in lower case. Two persons may share an address.
CREATE TABLE person_mail (
    person     TEXT NOT NULL REFERENCES person (id),
    comparable TEXT NOT NULL,
    mail       TEXT NOT NULL,
    PRIMARY KEY (person, comparable)
);

CREATE INDEX person_mail_comparable ON person_mail (comparable);

-- `place` is where the role holds: empty for everywhere, else an upstream or an upstream and a pattern of repositories.
CREATE TABLE person_role (
    person TEXT NOT NULL REFERENCES person (id),
    role   TEXT NOT NULL,
    place  TEXT NOT NULL,
    PRIMARY KEY (person, role, place)
);

-- An account belongs to one person at most. `login` is what it was called when it was linked, and identifies nothing.
CREATE TABLE person_account (
    upstream TEXT   NOT NULL,
    account  TEXT   NOT NULL,
    person   TEXT   NOT NULL REFERENCES person (id),
    login    TEXT,
    linked   BIGINT NOT NULL,
    PRIMARY KEY (upstream, account)
);

CREATE INDEX person_account_person ON person_account (person);

CREATE TABLE people_group (
    id       TEXT   NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    salt     TEXT   NOT NULL,
    name     TEXT   NOT NULL UNIQUE,
    about    TEXT,
    created  BIGINT NOT NULL
);

CREATE TABLE people_group_member (
    people_group TEXT NOT NULL REFERENCES people_group (id),
    person       TEXT NOT NULL REFERENCES person (id),
    PRIMARY KEY (people_group, person)
);

CREATE INDEX people_group_member_person ON people_group_member (person);

-- Of the token itself only a keyed hash is kept.
CREATE TABLE token (
    id       TEXT   NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    salt     TEXT   NOT NULL,
    person   TEXT   NOT NULL REFERENCES person (id),
    hash     TEXT   NOT NULL UNIQUE,
    scopes   TEXT   NOT NULL,
    service  BIGINT NOT NULL,
    about    TEXT,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    revoked  BIGINT,
    used     BIGINT,
    refused  BIGINT
);

CREATE INDEX token_person ON token (person);

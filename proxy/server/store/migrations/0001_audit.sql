-- The audit chain: leaves of a Merkle tree, the erasable half beside them, every tree head, and pushes under way.
-- Hashes and salts are lower-case hex. Portable between SQLite and PostgreSQL.

CREATE TABLE audit_leaf (
    seq  BIGINT NOT NULL PRIMARY KEY,
    push TEXT,
    leaf TEXT   NOT NULL,
    hash TEXT   NOT NULL
);

CREATE INDEX audit_leaf_push ON audit_leaf (push);

CREATE TABLE audit_payload (
    seq     BIGINT NOT NULL PRIMARY KEY REFERENCES audit_leaf (seq),
    salt    TEXT   NOT NULL,
    payload TEXT   NOT NULL
);

CREATE TABLE audit_head (
    size BIGINT NOT NULL PRIMARY KEY REFERENCES audit_leaf (seq),
    root TEXT   NOT NULL
);

-- Pushes whose decision is to forward and whose outcome is not recorded yet.
CREATE TABLE audit_open (
    push TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL REFERENCES audit_leaf (seq)
);

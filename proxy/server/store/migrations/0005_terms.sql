-- What a held push asks of those who decide and what it was judged on (JSON), and the push that uses its approval.
ALTER TABLE review_case ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
ALTER TABLE review_case ADD COLUMN used_by TEXT;
CREATE INDEX review_case_binding ON review_case (binding, created);

-- When a held push was over: what its reviewers saw is kept for so long after it and then taken out (body is '' then). Of those
-- that are over already the time is not known; none was over later than it ends by itself.
ALTER TABLE review_case ADD COLUMN closed BIGINT;
UPDATE review_case SET closed = expires WHERE state NOT IN ('open', 'approved', 'forwarding');
CREATE INDEX review_case_closed ON review_case (closed) WHERE body <> '';

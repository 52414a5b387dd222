//! The statements of held pushes.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::change::Value;
use super::{Change, Error, Store};

/// A held push as its columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    pub id: String,
    pub revision: i64,
    pub state: String,
    pub upstream: String,
    pub repository: String,
    pub binding: String,
    pub pusher_person: Option<String>,
    pub pusher_account: Option<String>,
    pub pusher_credential: Option<String>,
    pub needed: i64,
    pub terms: String,
    pub used_by: Option<String>,
    pub decisions: String,
    pub waived_by: String,
    pub created: i64,
    pub expires: i64,
    pub grant_expires: Option<i64>,
    pub superseded_by: Option<String>,
    /// When it was over.
    pub closed: Option<i64>,
    pub rules: String,
    pub policy: String,
    pub config: String,
    /// Empty where it was taken out.
    pub body: String,
}

/// Which cases are asked for; what is none does not count.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    pub state: Option<String>,
    pub upstream: Option<String>,
    pub repository: Option<String>,
    pub pusher_person: Option<String>,
    /// Only those that come after this one: when it was made, and its id.
    pub after: Option<(i64, String)>,
}

impl CaseFilter {
    /// What cases come after.
    fn start(&self) -> (i64, &str) {
        match &self.after {
            Some((created, id)) => (*created, id.as_str()),
            None => (i64::MIN, ""),
        }
    }
}

/// The statement that finds the cases of a filter.
macro_rules! asked_for {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM review_case WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR upstream = $2) \
             AND ($3 IS NULL OR repository = $3) AND ($4 IS NULL OR pusher_person = $4) \
             AND (created > $5 OR created = $5 AND id > $6) ORDER BY created, id LIMIT $7"
        )
    };
}

/// Who pushed, as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct PusherRow<'a> {
    pub person: Option<&'a str>,
    pub account: Option<&'a str>,
    pub credential: Option<&'a str>,
}

/// Stores a new case.
pub fn insert(row: &CaseRow) -> Change {
    let text = |text: &str| Value::from(text);
    let maybe = |text: &Option<String>| Value::from(text.as_deref());
    Change::none().one(
        "INSERT INTO review_case (id, revision, state, upstream, repository, binding, pusher_person, pusher_account, \
         pusher_credential, needed, decisions, waived_by, created, expires, grant_expires, superseded_by, rules, policy, \
         config, body, terms, used_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
         $19, $20, $21, $22)",
        [
            text(&row.id),
            row.revision.into(),
            text(&row.state),
            text(&row.upstream),
            text(&row.repository),
            text(&row.binding),
            maybe(&row.pusher_person),
            maybe(&row.pusher_account),
            maybe(&row.pusher_credential),
            row.needed.into(),
            text(&row.decisions),
            text(&row.waived_by),
            row.created.into(),
            row.expires.into(),
            row.grant_expires.into(),
            maybe(&row.superseded_by),
            text(&row.rules),
            text(&row.policy),
            text(&row.config),
            text(&row.body),
            text(&row.terms),
            maybe(&row.used_by),
        ],
    )
}

/// Stores what became of a case, if it is still at revision `before`.
pub fn update(row: &CaseRow, before: i64) -> Change {
    Change::none().one(
        "UPDATE review_case SET revision = $3, state = $4, decisions = $5, waived_by = $6, grant_expires = $7, \
         superseded_by = $8, needed = $9, rules = $10, policy = $11, config = $12, body = $13, \
         terms = $14, used_by = $15, closed = $16 \
         WHERE id = $1 AND revision = $2",
        [
            row.id.as_str().into(),
            before.into(),
            row.revision.into(),
            row.state.as_str().into(),
            row.decisions.as_str().into(),
            row.waived_by.as_str().into(),
            row.grant_expires.into(),
            row.superseded_by.as_deref().into(),
            row.needed.into(),
            row.rules.as_str().into(),
            row.policy.as_str().into(),
            row.config.as_str().into(),
            row.body.as_str().into(),
            row.terms.as_str().into(),
            row.used_by.as_deref().into(),
            row.closed.into(),
        ],
    )
}

/// Takes out what is shown of a case that was over at `until` or before.
pub fn forget(id: &str, until: i64) -> Change {
    Change::none().one(
        "UPDATE review_case SET body = '' WHERE id = $1 AND closed <= $2 AND body <> ''",
        [id.into(), until.into()],
    )
}

impl Store {
    /// The case of this id.
    pub async fn case(&self, id: &str) -> Result<Option<CaseRow>, Error> {
        let found = sqlx::query("SELECT * FROM review_case WHERE id = $1")
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        found.as_ref().map(row).transpose()
    }

    /// The case that waits, is approved or is on its way with this binding; there is one at most.
    pub async fn live_case(&self, binding: &str) -> Result<Option<CaseRow>, Error> {
        let found = sqlx::query(
            "SELECT * FROM review_case WHERE binding = $1 AND state IN ('open', 'approved', 'forwarding')",
        )
        .bind(binding)
        .fetch_optional(self.pool())
        .await?;
        found.as_ref().map(row).transpose()
    }

    /// The newest case with this binding, whatever became of it.
    pub async fn latest_case(&self, binding: &str) -> Result<Option<CaseRow>, Error> {
        let found = sqlx::query(
            "SELECT * FROM review_case WHERE binding = $1 ORDER BY created DESC, id DESC LIMIT 1",
        )
        .bind(binding)
        .fetch_optional(self.pool())
        .await?;
        found.as_ref().map(row).transpose()
    }

    /// How many cases of a pusher, by the strongest sign of him, wait or may go.
    pub async fn held_by(&self, upstream: &str, pusher: PusherRow<'_>) -> Result<i64, Error> {
        let number = sqlx::query_scalar(
            "SELECT COUNT(*) FROM review_case WHERE state IN ('open', 'approved', 'forwarding') AND \
             ($1 IS NOT NULL AND pusher_person = $1 \
              OR $1 IS NULL AND $2 IS NOT NULL AND upstream = $4 AND pusher_account = $2 \
              OR $1 IS NULL AND $2 IS NULL AND pusher_credential = $3)",
        )
        .bind(pusher.person)
        .bind(pusher.account)
        .bind(pusher.credential)
        .bind(upstream);
        Ok(number.fetch_one(self.pool()).await?)
    }

    /// The state of a case, without all that it holds.
    pub async fn case_state(&self, id: &str) -> Result<Option<String>, Error> {
        let state = sqlx::query_scalar("SELECT state FROM review_case WHERE id = $1");
        Ok(state.bind(id).fetch_optional(self.pool()).await?)
    }

    /// Ids and terms of what a pusher, by the strongest sign of him, has waiting or approved in a repository, oldest first.
    pub async fn waiting_of(
        &self,
        upstream: &str,
        repository: &str,
        pusher: PusherRow<'_>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, Error> {
        let found = sqlx::query_as(
            "SELECT id, terms FROM review_case WHERE upstream = $1 AND repository = $2 AND state IN ('open', 'approved') \
             AND ($3 IS NOT NULL AND pusher_person = $3 \
              OR $3 IS NULL AND $4 IS NOT NULL AND pusher_person IS NULL AND pusher_account = $4 \
              OR $3 IS NULL AND $4 IS NULL AND pusher_person IS NULL AND pusher_account IS NULL AND pusher_credential = $5) \
             ORDER BY created, id LIMIT $6",
        )
        .bind(upstream)
        .bind(repository)
        .bind(pusher.person)
        .bind(pusher.account)
        .bind(pusher.credential)
        .bind(i64::from(limit));
        Ok(found.fetch_all(self.pool()).await?)
    }

    /// Cases, oldest first.
    pub async fn cases(&self, filter: &CaseFilter, limit: u32) -> Result<Vec<CaseRow>, Error> {
        let (created, id) = filter.start();
        let found = sqlx::query(asked_for!("*"))
            .bind(filter.state.as_deref())
            .bind(filter.upstream.as_deref())
            .bind(filter.repository.as_deref())
            .bind(filter.pusher_person.as_deref())
            .bind(created)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        found.iter().map(row).collect()
    }

    /// When cases were made and their ids, oldest first: without bodies, which may be large.
    pub async fn case_ids(
        &self,
        filter: &CaseFilter,
        limit: u32,
    ) -> Result<Vec<(i64, String)>, Error> {
        let (created, id) = filter.start();
        let found = sqlx::query(asked_for!("created, id"))
            .bind(filter.state.as_deref())
            .bind(filter.upstream.as_deref())
            .bind(filter.repository.as_deref())
            .bind(filter.pusher_person.as_deref())
            .bind(created)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        let read = |row: &SqliteRow| Ok((row.try_get("created")?, row.try_get("id")?));
        found.iter().map(read).collect()
    }

    /// Ids of cases whose time, or that of their approval, is over at `now`.
    pub async fn late_cases(&self, now: i64, limit: u32) -> Result<Vec<String>, Error> {
        let found = sqlx::query_scalar(
            "SELECT id FROM review_case WHERE state IN ('open', 'approved') \
             AND (expires <= $1 OR grant_expires <= $1) ORDER BY created, id LIMIT $2",
        )
        .bind(now)
        .bind(i64::from(limit));
        Ok(found.fetch_all(self.pool()).await?)
    }

    /// Ids of cases that were over at `until` or before, and of which is kept what is shown.
    pub async fn cases_to_forget(&self, until: i64, limit: u32) -> Result<Vec<String>, Error> {
        let found = sqlx::query_scalar(
            "SELECT id FROM review_case WHERE closed <= $1 AND body <> '' ORDER BY closed LIMIT $2",
        )
        .bind(until)
        .bind(i64::from(limit));
        Ok(found.fetch_all(self.pool()).await?)
    }
}

fn row(row: &SqliteRow) -> Result<CaseRow, Error> {
    Ok(CaseRow {
        id: row.try_get("id")?,
        revision: row.try_get("revision")?,
        state: row.try_get("state")?,
        upstream: row.try_get("upstream")?,
        repository: row.try_get("repository")?,
        binding: row.try_get("binding")?,
        pusher_person: row.try_get("pusher_person")?,
        pusher_account: row.try_get("pusher_account")?,
        pusher_credential: row.try_get("pusher_credential")?,
        needed: row.try_get("needed")?,
        terms: row.try_get("terms")?,
        used_by: row.try_get("used_by")?,
        decisions: row.try_get("decisions")?,
        waived_by: row.try_get("waived_by")?,
        created: row.try_get("created")?,
        expires: row.try_get("expires")?,
        grant_expires: row.try_get("grant_expires")?,
        superseded_by: row.try_get("superseded_by")?,
        closed: row.try_get("closed")?,
        rules: row.try_get("rules")?,
        policy: row.try_get("policy")?,
        config: row.try_get("config")?,
        body: row.try_get("body")?,
    })
}

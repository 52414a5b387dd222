//! The statements of the outbox: what is to be told, to whom, and what became of it.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::change::{Undone, Value};
use super::{Change, Error, Records, Store};

/// Something that happened to a case and is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub case: String,
    /// Of the case, after it.
    pub revision: i64,
    pub kind: String,
    /// Unix milliseconds.
    pub at: i64,
    /// JSON.
    pub facts: String,
}

/// What one receiver is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    pub id: String,
    pub event: EventRow,
    pub channel: String,
    pub receiver: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    pub attempts: i64,
    pub begun: i64,
    pub due: i64,
    pub ended: Option<i64>,
    pub trouble: Option<String>,
}

/// How much of the outbox is in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pile {
    pub channel: String,
    pub state: String,
    pub count: i64,
    /// When the oldest of it happened.
    pub oldest: i64,
}

/// Notes what happened, to be told.
pub fn happened(event: &EventRow) -> Change {
    Change::none().one(
        "INSERT INTO outbox_event (review_case, revision, kind, at, facts) VALUES ($1, $2, $3, $4, $5)",
        [
            event.case.as_str().into(),
            event.revision.into(),
            event.kind.as_str().into(),
            event.at.into(),
            event.facts.as_str().into(),
        ],
    )
}

/// Gives a notice up, if it still waits.
pub fn bury(id: &str, attempts: i64, now: i64, trouble: &str) -> Change {
    Change::none().one(
        "UPDATE outbox_notice SET state = 'dead', attempts = $2, ended = $3, trouble = $4 \
         WHERE id = $1 AND state = 'waiting'",
        [id.into(), attempts.into(), now.into(), trouble.into()],
    )
}

/// Lets a notice that was given up be tried anew.
pub fn revive(id: &str, now: i64) -> Change {
    Change::none().one(
        "UPDATE outbox_notice SET state = 'waiting', attempts = 0, begun = $2, due = $2, ended = NULL \
         WHERE id = $1 AND state = 'dead'",
        [id.into(), now.into()],
    )
}

/// What is left of an event once each receiver has a notice of its own.
fn shared(event: &EventRow, notices: &[NoticeRow]) -> Change {
    let mut change = Change::none().one(
        "DELETE FROM outbox_event WHERE review_case = $1 AND revision = $2",
        [event.case.as_str().into(), event.revision.into()],
    );
    for row in notices {
        change = change.one(
            "INSERT INTO outbox_notice (id, review_case, revision, kind, at, facts, channel, receiver, state, attempts, \
             begun, due, ended, trouble) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            [
                row.id.as_str().into(),
                row.event.case.as_str().into(),
                row.event.revision.into(),
                row.event.kind.as_str().into(),
                row.event.at.into(),
                row.event.facts.as_str().into(),
                row.channel.as_str().into(),
                row.receiver.as_str().into(),
                row.state.as_str().into(),
                row.attempts.into(),
                row.begun.into(),
                row.due.into(),
                row.ended.into(),
                Value::from(row.trouble.as_deref()),
            ],
        );
    }
    change
}

impl Store {
    /// What happened and was shared out to nobody yet, oldest first.
    pub async fn events(&self, limit: u32) -> Result<Vec<EventRow>, Error> {
        let rows =
            sqlx::query("SELECT * FROM outbox_event ORDER BY at, review_case, revision LIMIT $1")
                .bind(i64::from(limit))
                .fetch_all(self.pool())
                .await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// Puts notices in the place of the event that they tell of: all of them or none.
    ///
    /// # Errors
    /// `Error::Stale` where somebody has done it already.
    pub async fn share(&self, event: &EventRow, notices: &[NoticeRow]) -> Result<(), Error> {
        let mut connection = self.pool().acquire().await?;
        let mut transaction =
            sqlx::Connection::begin_with(&mut *connection, "BEGIN IMMEDIATE").await?;
        match shared(event, notices).carry_out(&mut transaction).await {
            Ok(()) => Ok(transaction.commit().await?),
            Err(Undone::Stale) => Err(Error::Stale),
            Err(Undone::Failed(error)) => Err(error),
        }
    }

    /// Every receiver that has something to be told at `now`, as channel and receiver.
    pub async fn receivers(&self, now: i64) -> Result<Vec<(String, String)>, Error> {
        let found = sqlx::query_as(
            "SELECT DISTINCT channel, receiver FROM outbox_notice WHERE state = 'waiting' AND due <= $1 \
             ORDER BY channel, receiver",
        );
        Ok(found.bind(now).fetch_all(self.pool()).await?)
    }

    /// What this receiver is to be told at `now`, oldest first: of each case the first that waits, whether due or not, goes
    /// before the others.
    pub async fn due_notices(
        &self,
        (channel, receiver): (&str, &str),
        now: i64,
        limit: u32,
    ) -> Result<Vec<NoticeRow>, Error> {
        let rows = sqlx::query(
            "SELECT * FROM outbox_notice n WHERE channel = $1 AND receiver = $2 AND state = 'waiting' AND due <= $3 \
             AND NOT EXISTS (SELECT 1 FROM outbox_notice e WHERE e.channel = n.channel AND e.receiver = n.receiver \
             AND e.review_case = n.review_case AND e.revision < n.revision AND e.state = 'waiting') \
             ORDER BY due, at, id LIMIT $4",
        )
        .bind(channel)
        .bind(receiver)
        .bind(now)
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        Ok(rows.iter().map(notice).collect::<Result<_, _>>()?)
    }

    /// When the next notice is due that waits.
    pub async fn next_notice(&self, after: i64) -> Result<Option<i64>, Error> {
        let next = sqlx::query_scalar(
            "SELECT MIN(due) FROM outbox_notice WHERE state = 'waiting' AND due > $1",
        );
        Ok(next.bind(after).fetch_one(self.pool()).await?)
    }

    pub async fn notice_delivered(&self, id: &str, attempts: i64, now: i64) -> Result<(), Error> {
        sqlx::query(
            "UPDATE outbox_notice SET state = 'delivered', attempts = $2, ended = $3, trouble = NULL \
             WHERE id = $1 AND state = 'waiting'",
        )
        .bind(id)
        .bind(attempts)
        .bind(now)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    pub async fn notice_failed(
        &self,
        id: &str,
        attempts: i64,
        due: i64,
        trouble: &str,
    ) -> Result<(), Error> {
        sqlx::query(
            "UPDATE outbox_notice SET attempts = $2, due = $3, trouble = $4 WHERE id = $1 AND state = 'waiting'",
        )
        .bind(id)
        .bind(attempts)
        .bind(due)
        .bind(trouble)
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Takes away a notice that nobody is there for any more.
    pub async fn forget_notice(&self, id: &str) -> Result<(), Error> {
        sqlx::query("DELETE FROM outbox_notice WHERE id = $1 AND state = 'waiting'")
            .bind(id)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Takes away notices in `state` that ended before `before`, and of the others all but the `most` newest.
    pub async fn prune_notices(&self, state: &str, before: i64, most: u32) -> Result<(), Error> {
        sqlx::query(
            "DELETE FROM outbox_notice WHERE state = $1 AND (ended < $2 OR id NOT IN \
             (SELECT id FROM outbox_notice WHERE state = $1 ORDER BY ended DESC, id LIMIT $3))",
        )
        .bind(state)
        .bind(before)
        .bind(i64::from(most))
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// What the outbox holds.
    pub async fn outbox(&self) -> Result<Vec<Pile>, Error> {
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT channel, state, COUNT(*), MIN(at) FROM outbox_notice GROUP BY channel, state",
        )
        .fetch_all(self.pool())
        .await?;
        let pile = |(channel, state, count, oldest)| Pile {
            channel,
            state,
            count,
            oldest,
        };
        Ok(rows.into_iter().map(pile).collect())
    }
}

impl Records {
    /// Notices in one state, or all, oldest first, those after `after`: when it happened, and the notice's id.
    pub async fn notices(
        &self,
        state: Option<&str>,
        (at, id): (i64, &str),
        limit: u32,
    ) -> Result<Vec<NoticeRow>, Error> {
        let rows = sqlx::query(
            "SELECT * FROM outbox_notice WHERE ($1 IS NULL OR state = $1) AND (at > $2 OR at = $2 AND id > $3) \
             ORDER BY at, id LIMIT $4",
        )
        .bind(state)
        .bind(at)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        Ok(rows.iter().map(notice).collect::<Result<_, _>>()?)
    }

    pub async fn notice(&self, id: &str) -> Result<Option<NoticeRow>, Error> {
        let row = sqlx::query("SELECT * FROM outbox_notice WHERE id = $1")
            .bind(id)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.as_ref().map(notice).transpose()?)
    }
}

fn event(row: &SqliteRow) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow {
        case: row.try_get("review_case")?,
        revision: row.try_get("revision")?,
        kind: row.try_get("kind")?,
        at: row.try_get("at")?,
        facts: row.try_get("facts")?,
    })
}

fn notice(row: &SqliteRow) -> Result<NoticeRow, sqlx::Error> {
    Ok(NoticeRow {
        id: row.try_get("id")?,
        event: event(row)?,
        channel: row.try_get("channel")?,
        receiver: row.try_get("receiver")?,
        state: row.try_get("state")?,
        attempts: row.try_get("attempts")?,
        begun: row.try_get("begun")?,
        due: row.try_get("due")?,
        ended: row.try_get("ended")?,
        trouble: row.try_get("trouble")?,
    })
}

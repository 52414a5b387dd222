//! What people say of a held push besides deciding on it.

use super::Millis;
use crate::audit::{self, Audit};
use crate::store::{self, Change, CommentRow, Store};

/// Comments on one case.
const MOST: u32 = 500;

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: String,
    /// Id of the person.
    pub by: String,
    pub words: String,
    pub at: Millis,
}

/// Comments on all cases. Cheap to clone.
#[derive(Clone)]
pub struct Comments {
    store: Store,
    audit: Audit,
}

/// Why a comment was not kept, or not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there are {MOST} comments on it already")]
    Full,
    /// What whoever said it was when asked for is no longer so.
    #[error("your rights have changed meanwhile")]
    Rights,
    #[error(transparent)]
    Audit(audit::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

impl Comments {
    pub fn new(store: Store, audit: Audit) -> Self {
        Self { store, audit }
    }

    /// Keeps a comment, together with `guard` or not at all. Whether its words may be kept is the caller's to ask.
    ///
    /// # Errors
    /// When the case is not there or has as many as it may.
    pub async fn add(
        &self,
        case: &str,
        by: (&str, &audit::Actor),
        words: &str,
        guard: Change,
        now: Millis,
    ) -> Result<Comment, Error> {
        let (person, actor) = by;
        let said = self.of(case).await?;
        if said.len() >= MOST as usize {
            return Err(Error::Full);
        }
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes)?;
        let row = CommentRow {
            id: format!("n-{}", hex::encode(bytes)),
            review: case.to_owned(),
            person: person.to_owned(),
            words: words.to_owned(),
            created: now,
        };
        let deed = audit::Deed {
            kind: audit::Kind::Case,
            action: "comment",
            actor: actor.clone(),
            case: Some(case.to_owned()),
            subject: Some(row.id.clone()),
            before: None,
            after: None,
            note: Some(words.to_owned()),
        };
        let change = guard.and(Change::add_comment(&row, i64::from(MOST)));
        match self.audit.act(&deed, change).await {
            Ok(_) => Ok(Comment::read(row)),
            Err(audit::Error::Stale) => Err(Error::Rights),
            Err(error) => Err(Error::Audit(error)),
        }
    }

    /// The comments on a case, oldest first.
    pub async fn of(&self, case: &str) -> Result<Vec<Comment>, Error> {
        let rows = self.store.comments(case, MOST).await?;
        Ok(rows.into_iter().map(Comment::read).collect())
    }
}

impl Comment {
    fn read(row: CommentRow) -> Self {
        Self {
            id: row.id,
            by: row.person,
            words: row.words,
            at: row.created,
        }
    }
}

//! The statements of comments on held pushes.

use sqlx::Row as _;

use super::{Change, Error, Store};

/// A comment as its columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRow {
    pub id: String,
    /// The case.
    pub review: String,
    /// Id of who wrote it.
    pub person: String,
    pub words: String,
    pub created: i64,
}

impl Change {
    /// Stores a comment on a case that is there, where it has fewer than `most`.
    pub fn add_comment(row: &CommentRow, most: i64) -> Self {
        Self::none().one(
            "INSERT INTO review_comment (id, review, person, words, created) SELECT $1, id, $3, $4, $5 FROM review_case \
             WHERE id = $2 AND (SELECT COUNT(*) FROM review_comment WHERE review = $2) < $6",
            [
                row.id.as_str().into(),
                row.review.as_str().into(),
                row.person.as_str().into(),
                row.words.as_str().into(),
                row.created.into(),
                most.into(),
            ],
        )
    }
}

impl Store {
    /// The comments on a case, oldest first.
    pub async fn comments(&self, review: &str, limit: u32) -> Result<Vec<CommentRow>, Error> {
        let found = sqlx::query(
            "SELECT id, review, person, words, created FROM review_comment WHERE review = $1 \
             ORDER BY created, id LIMIT $2",
        )
        .bind(review)
        .bind(i64::from(limit))
        .fetch_all(self.pool())
        .await?;
        let row = |row: &sqlx::sqlite::SqliteRow| {
            Ok(CommentRow {
                id: row.try_get("id")?,
                review: row.try_get("review")?,
                person: row.try_get("person")?,
                words: row.try_get("words")?,
                created: row.try_get("created")?,
            })
        };
        found.iter().map(row).collect()
    }
}

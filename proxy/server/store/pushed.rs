//! Who has pushed where through this proxy.

use super::{Error, Records, Store};

impl Records {
    /// Whether any push of this person went through.
    pub async fn has_pushed(&self, person: &str) -> Result<bool, Error> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT first FROM pushed WHERE person = $1 LIMIT 1")
                .bind(person)
                .fetch_optional(self.pool())
                .await?;
        Ok(found.is_some())
    }

    /// Whether any push to this repository went through.
    pub async fn is_pushed_to(&self, upstream: &str, repository: &str) -> Result<bool, Error> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT first FROM pushed WHERE upstream = $1 AND repository = $2 LIMIT 1",
        )
        .bind(upstream)
        .bind(repository)
        .fetch_optional(self.pool())
        .await?;
        Ok(found.is_some())
    }
}

impl Store {
    /// Notes that a push went, at `now`, in Unix milliseconds; the first one counts.
    pub async fn note_pushed(
        &self,
        upstream: &str,
        repository: &str,
        person: Option<&str>,
        now: i64,
    ) -> Result<(), Error> {
        let person = person.unwrap_or_default();
        // Nearly every push has been noted before, and reading waits for nobody.
        let known: Option<i64> = sqlx::query_scalar(
            "SELECT first FROM pushed WHERE upstream = $1 AND repository = $2 AND person = $3",
        )
        .bind(upstream)
        .bind(repository)
        .bind(person)
        .fetch_optional(self.pool())
        .await?;
        if known.is_some() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO pushed (upstream, repository, person, first) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(upstream)
        .bind(repository)
        .bind(person)
        .bind(now)
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_push_of_each_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let records = store.records();
        assert!(!records.has_pushed("u-1").await.unwrap());
        assert!(!records.is_pushed_to("forge", "org/a").await.unwrap());
        for now in [7, 8] {
            let noted = store.note_pushed("forge", "org/a", Some("u-1"), now);
            noted.await.unwrap();
        }
        store.note_pushed("forge", "org/b", None, 9).await.unwrap();
        assert!(records.has_pushed("u-1").await.unwrap());
        assert!(!records.has_pushed("u-2").await.unwrap());
        assert!(records.is_pushed_to("forge", "org/a").await.unwrap());
        assert!(records.is_pushed_to("forge", "org/b").await.unwrap());
        assert!(!records.is_pushed_to("other", "org/a").await.unwrap());
        store.close().await;
    }
}

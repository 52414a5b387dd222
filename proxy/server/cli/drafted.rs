//! The drafts in force, for commands that explain what the server goes by.

use crate::config::Config;
use crate::drafts::Texts;
use crate::store::Records;

/// Those that count by this configuration, read beside a server that may be running; none of them, and why, where they
/// cannot be read: on a developer's machine, say.
pub async fn in_force(config: &Config) -> (Texts, Option<String>) {
    if !config.policy_drafts && !config.rules.drafts {
        return (Texts::default(), None);
    }
    match read(config).await {
        Ok(texts) => (texts, None),
        Err(error) => {
            let why = crate::causes::told(&error);
            let note = format!(
                "drafts in force are not included, which may make it stricter (exeat draft list shows them): {why}"
            );
            (Texts::default(), Some(note))
        }
    }
}

async fn read(config: &Config) -> anyhow::Result<Texts> {
    let records = Records::open(&config.data.directory).await?;
    Ok(Texts::in_force(&records, config).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_they_cannot_be_read_it_is_said() {
        let mut config = Config::defaults().unwrap();
        let folder = tempfile::tempdir().unwrap();
        config.data.directory = folder.path().to_owned();
        assert_eq!(in_force(&config).await, (Texts::default(), None));
        config.policy_drafts = true;
        let (texts, note) = in_force(&config).await;
        assert_eq!(texts, Texts::default());
        let note = note.unwrap();
        assert!(note.contains("there is no database at"), "{note}");
        std::fs::write(folder.path().join("exeat.db"), "no database").unwrap();
        assert!(in_force(&config).await.1.is_some());
        std::fs::remove_file(folder.path().join("exeat.db")).unwrap();
        let store = crate::store::Store::open(folder.path()).await.unwrap();
        assert_eq!(in_force(&config).await, (Texts::default(), None));
        store.close().await;
    }
}

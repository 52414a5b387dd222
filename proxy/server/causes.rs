//! An error and what caused it, in one line that says each thing once.

/// Most errors name their cause themselves; one that does not is followed by it.
pub fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::told;

    #[derive(Debug, thiserror::Error)]
    #[error("a.toml: cannot read it: {source}")]
    struct Unreadable {
        source: std::io::Error,
    }

    #[test]
    fn each_thing_is_said_once() {
        let source = std::io::Error::other("no such file");
        let error = Err::<(), _>(Unreadable { source });
        let error = error.context("rules.files").unwrap_err();
        assert_eq!(
            told(&error),
            "rules.files: a.toml: cannot read it: no such file"
        );
        assert_eq!(told(&anyhow::anyhow!("alone")), "alone");
    }
}

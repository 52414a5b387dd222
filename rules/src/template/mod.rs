//! Examples that look like secrets only once they are expanded.
//!
//! A repository that holds rules must hold texts that the rules find, and no scanner on the way may take them for live tokens.
//! So an example says how its secret is made: `{{base62 36 seed}}`. The same template always gives the same text.

mod generate;
mod id;
mod token;

#[cfg(test)]
pub(crate) use id::{filled as id_filled, form as id_form};

use crate::printable::printable;

/// Longest expanded example, in bytes.
const EXPANDED: usize = 256 * 1024;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("a template is not closed with }}}}")]
    Unclosed,
    #[error("there is no template \"{name}\"; there are {}", generate::NAMES.join(", "))]
    Unknown { name: String },
    #[error("the template \"{name}\" is written {{{{{usage}}}}}")]
    Usage { name: String, usage: &'static str },
    #[error("the template \"{name}\" is written {{{{{name} N SEED}}}}, N from 1 to 4096")]
    Drawn { name: String },
    #[error("the expanded text is longer than {EXPANDED} bytes")]
    TooLong,
}

/// `text` with every `{{...}}` replaced by what it stands for. `FORMAT.md` lists the templates.
pub fn expand(text: &str) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, template)) = rest.split_once("{{") {
        out.push_str(before);
        // A quoted text may hold braces, so it ends at its quote.
        let quoted = template
            .strip_prefix('"')
            .and_then(|quoted| quoted.split_once("\"}}"));
        rest = match quoted {
            Some((literal, after)) => {
                out.push_str(literal);
                after
            }
            None => {
                let (body, after) = template.split_once("}}").ok_or(Error::Unclosed)?;
                generate::generate(body, &mut out)?;
                after
            }
        };
        if out.len() > EXPANDED {
            return Err(Error::TooLong);
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn unknown(name: &str) -> Error {
    Error::Unknown {
        name: printable(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        expand(text).unwrap()
    }

    #[test]
    fn plain_text_passes() {
        assert_eq!(expanded("a } }} {b}"), "a } }} {b}");
        assert_eq!(expanded("AK{{}}IA"), "AKIA");
        assert_eq!(expanded("AK{{\"\"}}IA"), "AKIA");
        assert_eq!(expanded("{{\"{{\"}} .Values.x }}"), "{{ .Values.x }}");
        assert_eq!(expanded("{{\"}}\"}}"), "}}");
        assert_eq!(expanded("{{join a b  c}}"), "abc");
    }

    #[test]
    fn generated_text_has_its_alphabet_and_length_and_is_stable() {
        for (name, alphabet) in generate::ALPHABETS {
            let text = expanded(&format!("{{{{{name} 200 s}}}}"));
            assert_eq!(text.len(), 200);
            assert!(
                text.chars().all(|character| alphabet.contains(character)),
                "{name}"
            );
            assert_eq!(text, expanded(&format!("{{{{{name} 200 s}}}}")));
            assert_ne!(text, expanded(&format!("{{{{{name} 200 t}}}}")));
        }
        assert_eq!(expanded("{{uuid s}}").len(), 36);
        assert_eq!(expanded("{{hex 40 one}}"), expanded("{{ hex  40  one }}"));
    }

    #[test]
    fn checked_forms_pass_their_validators() {
        let check = |name: &str, text: &str| {
            (crate::validators::find(name).unwrap().check)(expanded(text).as_bytes())
        };
        for seed in ["a", "b", "c"] {
            assert!(check("github", &format!("{{{{github ghs_ {seed}}}}}")));
            assert!(check("jwt", &format!("{{{{jwt {seed}}}}}")));
            for (name, kinds) in [
                ("npm", ["npm"].as_slice()),
                ("gitlab", &["glpat", "glrt"]),
                ("grafana", &["glsa"]),
                ("atlassian", &["ATATT", "ATCTT", "ATBB"]),
                ("cloudflare", &["cfk", "cfut", "cfat"]),
                ("zuplo", &["zpka"]),
                ("entra-secret", &["8Q"]),
                ("base58check", &["wif", "xprv"]),
                ("bech32", &["age", "nsec"]),
                ("stellar-seed", &["stellar"]),
                (
                    "azure-key",
                    &["+ASt", "ACDb", "+AEh", "+ASb", "+ARm", "AzSe", "AzFu"],
                ),
            ] {
                for kind in kinds {
                    let text = format!("{{{{token {kind} {seed}}}}}");
                    assert!(check(name, &text), "{}", expanded(&text));
                }
            }
            assert!(check(
                "aws-key-id",
                &format!("AKIA{{{{base32 16 {seed}}}}}")
            ));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        assert_eq!(expand("{{hex 3 s"), Err(Error::Unclosed));
        assert!(
            expand("{{hax 3 s}}")
                .unwrap_err()
                .to_string()
                .starts_with("there is no template \"hax\"; there are join, ")
        );
        assert_eq!(
            expand("{{hex s}}").unwrap_err().to_string(),
            "the template \"hex\" is written {{hex N SEED}}, N from 1 to 4096"
        );
        assert!(expand("{{hex 0 s}}").is_err());
        assert!(expand("{{hex 5000 s}}").is_err());
        assert!(expand("{{pem FOO s}}").is_err());
        assert!(expand("{{token FOO s}}").is_err());
        assert!(expand("{{token npm}}").is_err());
        assert!(expand("{{id FOO s}}").is_err());
        assert!(expand("{{id visa}}").is_err());
        assert!(expand(&"{{hex 4096 s}}".repeat(100)).is_err());
    }
}
